"""A test that asks for a login, as Locust's manual shows it."""

from flask import Blueprint, redirect, request, session, url_for
from flask_login import UserMixin, login_user

from locust import HttpUser, constant, events, task


class Somebody(UserMixin):
    def __init__(self, name):
        self.name = name

    def get_id(self):
        return self.name


@events.init.add_listener
def add_login(environment, **kwargs):
    if not environment.web_ui:
        return
    pages = Blueprint("auth", "login_locustfile", url_prefix=environment.parsed_options.web_base_path)
    environment.web_ui.login_manager.user_loader(Somebody)
    environment.web_ui.app.config["SECRET_KEY"] = "only for this test"
    environment.web_ui.auth_args = {
        "username_password_callback": f"{environment.parsed_options.web_base_path}/login_submit",
        "auth_providers": [{"label": "Elsewhere", "callback_url": "/elsewhere"}],
    }

    @pages.route("/login_submit", methods=["POST"])
    def login_submit():
        if request.form.get("password") == "open sesame":
            session.pop("auth_error", None)
            login_user(Somebody(request.form.get("username")))
            return redirect(url_for("locust.index"))
        session["auth_error"] = "Invalid username or password"
        return redirect(url_for("locust.login"))

    environment.web_ui.app.register_blueprint(pages)


class Reader(HttpUser):
    wait_time = constant(0.2)

    @task
    def home(self):
        self.client.get("/")
