"""A small blog to load-test: register, log in, write posts, list them. SQLite, one file, `flask run`."""

from __future__ import annotations

import functools
import os
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from flask import Flask, abort, current_app, flash, g, redirect, render_template, request, session, url_for
from werkzeug.security import check_password_hash, generate_password_hash

SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS post (
    id INTEGER PRIMARY KEY, author INTEGER NOT NULL REFERENCES account(id),
    title TEXT NOT NULL, body TEXT NOT NULL, written TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
"""
SEEDS = [
    ("Why measure at all", "A service that was never loaded has no known limit, only a hoped-for one."),
    ("Ten users, two seconds", "Ten visitors who pause for two seconds ask for five pages a second."),
    ("The slowest hundredth", "An average hides the visitor who waits. Percentiles do not."),
]


def create_app(database: str | None = None) -> Flask:
    """The application; `database` or BLOG_DATABASE is the SQLite file, by default instance/blog.sqlite."""
    app = Flask(__name__, instance_relative_config=True)
    instance = Path(app.instance_path)
    path = database or os.environ.get("BLOG_DATABASE")
    if path is None:
        instance.mkdir(parents=True, exist_ok=True)
        path = str(instance / "blog.sqlite")
    app.config.update(
        DATABASE=path,
        # Without a key of your own, logins last until the server stops.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(32),
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=1024 * 1024,
    )
    with sqlite3.connect(path) as connection:
        connection.executescript(SCHEMA)
    connection.close()
    app.teardown_appcontext(close_database)
    app.before_request(check_token)
    app.context_processor(lambda: {"csrf_token": csrf_token, "account": current_account()})
    app.cli.add_command(seed)
    for rule, view, methods in [
        ("/", home, ["GET"]),
        ("/post/<int:number>", show_post, ["GET"]),
        ("/register", register, ["GET", "POST"]),
        ("/login", login, ["GET", "POST"]),
        ("/logout", logout, ["POST"]),
        ("/new", new_post, ["GET", "POST"]),
    ]:
        app.add_url_rule(rule, view_func=view, methods=methods)
    return app


def database() -> sqlite3.Connection:
    """This request's connection."""
    if "database" not in g:
        g.database = sqlite3.connect(current_app.config["DATABASE"], timeout=10)
        g.database.row_factory = sqlite3.Row
    return g.database


def close_database(_error: BaseException | None) -> None:
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


def csrf_token() -> str:
    """The token that a form of this session must carry."""
    return session.setdefault("csrf_token", secrets.token_hex(16))


def check_token() -> None:
    if request.method == "POST":
        expected = session.get("csrf_token")
        if expected is None or not secrets.compare_digest(expected, request.form.get("csrf_token", "")):
            abort(400, "The form's token is missing or old.")


def current_account() -> sqlite3.Row | None:
    if (number := session.get("account")) is None:
        return None
    return database().execute("SELECT id, name FROM account WHERE id = ?", (number,)).fetchone()


def logged_in(view: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(view)
    def wrapped(**arguments: Any) -> Any:
        return view(**arguments) if current_account() else redirect(url_for("login"))

    return wrapped


def home() -> str:
    posts = database().execute(
        "SELECT post.id, title, written, name FROM post JOIN account ON account.id = author ORDER BY post.id DESC"
    )
    return render_template("home.html", posts=posts.fetchall())


def show_post(number: int) -> str:
    post = (
        database()
        .execute(
            "SELECT title, body, written, name FROM post JOIN account ON account.id = author WHERE post.id = ?",
            (number,),
        )
        .fetchone()
    )
    if post is None:
        abort(404)
    return render_template("post.html", post=post)


def register() -> Any:
    if request.method == "POST":
        name, password = request.form.get("name", "").strip(), request.form.get("password", "")
        if not name or not password:
            flash("Name and password are needed.")
        else:
            try:
                with database() as connection:
                    row = connection.execute(
                        "INSERT INTO account (name, password) VALUES (?, ?)",
                        (name, generate_password_hash(password)),
                    )
            except sqlite3.IntegrityError:
                flash("That name is taken.")
            else:
                return start_session(row.lastrowid)
    return render_template("account.html", title="Register", action=url_for("register"))


def login() -> Any:
    if request.method == "POST":
        query = "SELECT id, password FROM account WHERE name = ?"
        row = database().execute(query, (request.form.get("name", "").strip(),)).fetchone()
        if row and check_password_hash(row["password"], request.form.get("password", "")):
            return start_session(row["id"])
        flash("Wrong name or password.")
    return render_template("account.html", title="Log in", action=url_for("login"))


def start_session(account: int | None) -> Any:
    session.clear()
    session["account"] = account
    return redirect(url_for("home"))


def logout() -> Any:
    session.clear()
    return redirect(url_for("home"))


@logged_in
def new_post() -> Any:
    if request.method == "POST":
        title = request.form.get("title", "").strip()
        if title:
            with database() as connection:
                row = connection.execute(
                    "INSERT INTO post (author, title, body) VALUES (?, ?, ?)",
                    (session["account"], title, request.form.get("body", "")),
                )
            return redirect(url_for("show_post", number=row.lastrowid))
        flash("A post needs a title.")
    return render_template("new_post.html")


@click.command("seed")
def seed() -> None:
    """Adds the account demo/demo and three posts to an empty blog."""
    with database() as connection:
        if connection.execute("SELECT 1 FROM post").fetchone():
            click.echo("There are posts already.")
            return
        connection.execute(
            "INSERT OR IGNORE INTO account (name, password) VALUES ('demo', ?)",
            (generate_password_hash("demo"),),
        )
        author = connection.execute("SELECT id FROM account WHERE name = 'demo'").fetchone()[0]
        connection.executemany(
            "INSERT INTO post (author, title, body) VALUES (?, ?, ?)", [(author, *post) for post in SEEDS]
        )
    click.echo("Added the account demo (password demo) and 3 posts.")
