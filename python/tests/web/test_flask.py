"""What scripts add to the web interface with Flask: routes, hooks, replaced views, pages, logins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from web_runs import SCRIPT, WebRun, embedded

ROUTES = (
    SCRIPT
    + """
from flask import Blueprint, Response, request, stream_with_context, url_for
import gevent

extra = Blueprint("extra", "extra", url_prefix="/extra")

@extra.route("/echo", methods=["GET", "POST"])
def echo():
    return {
        "path": request.path, "query": request.args.to_dict(), "body": request.get_data(as_text=True),
        "form": request.form.to_dict(flat=False), "agent": request.headers.get("User-Agent"), "method": request.method,
    }

@extra.route("/slow")
def slow():
    gevent.sleep(0.2)
    return "at last"

@extra.route("/parts")
def parts():
    @stream_with_context
    def chunks():
        for number in range(3):
            yield f"part {number};"
            gevent.sleep(0.05)
    return Response(chunks(), mimetype="text/plain")

@extra.route("/urls")
def urls():
    return {name: url_for(f"locust.{name}") for name in ("index", "swarm", "request_stats", "login")}

@extra.route("/broken")
def broken():
    raise LookupError("in a route of the script")

@events.init.add_listener
def add_routes(environment, web_ui, **_):
    web_ui.app.register_blueprint(extra)

    @web_ui.app.route("/numbers")
    def numbers():
        return str(environment.stats.total.num_requests)

    @web_ui.app.errorhandler(418)
    def teapot(error):
        return "short and stout", 418
"""
)

HOOKS = (
    SCRIPT
    + """
import json
from flask import render_template, request

@events.init.add_listener
def extend(environment, web_ui, **_):
    @web_ui.app.after_request
    def add_stats(response):
        response.headers["X-Hooked"] = "yes"
        if request.path != "/stats/requests":
            return response
        response.set_data(json.dumps({**response.json, "extended_stats": [{"key": "k", "data": [{"name": "<a>"}]}]}))
        return response

    @web_ui.app.route("/extend")
    def page():
        web_ui.update_template_args()
        return render_template("index.html", template_args={
            **web_ui.template_args,
            "extended_tabs": [{"title": "Tab </script>", "key": "k"}],
            "extended_tables": [{"key": "k", "structure": [{"key": "name", "title": "Name"}]}],
        })
"""
)

LOGIN = (
    SCRIPT
    + """
from flask import Blueprint, redirect, request, session, url_for
from flask_login import UserMixin, login_user

class Person(UserMixin):
    def __init__(self, name):
        self.name = name
    def get_id(self):
        return self.name

@events.init.add_listener
def logins(environment, web_ui, **_):
    web_ui.login_manager.user_loader(Person)
    web_ui.app.config["SECRET_KEY"] = "not secret"
    base = environment.parsed_options.web_base_path
    web_ui.auth_args = {"username_password_callback": f"{base}/login_submit", "title": "Who is it?"}
    blueprint = Blueprint("auth", "auth", url_prefix=base or None)

    @blueprint.route("/login_submit", methods=["POST"])
    def submit():
        if request.form["password"] == "sesame":
            login_user(Person(request.form["username"]))
            return redirect(url_for("locust.index"))
        session["auth_error"] = "Invalid <username> or password"
        return redirect(url_for("locust.login"))

    @blueprint.route("/open")
    def everybody():
        return "for everybody"

    @blueprint.route("/closed")
    @web_ui.auth_required_if_enabled
    def some():
        return "for some"

    web_ui.app.register_blueprint(blueprint)
"""
)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory):
    with WebRun(tmp_path_factory.mktemp("routes"), script=ROUTES) as run:
        yield run


def test_added_routes_get_the_whole_request(routes: WebRun):
    answer = routes.get("/extra/echo?a=1&b=%C3%A9%20x", **{"User-Agent": "me"}).json()
    assert (answer["path"], answer["query"], answer["agent"]) == ("/extra/echo", {"a": "1", "b": "é x"}, "me")
    answer = routes.post("/extra/echo", {"x": ["1", "2"]}).json()
    assert (answer["form"], answer["method"]) == ({"x": ["1", "2"]}, "POST")
    body = "é" * 100_000
    answer = routes.ask(
        "POST", "/extra/echo", body=body.encode(), headers={"Content-Type": "text/plain"}
    ).json()
    assert answer["body"] == body
    assert routes.get("/numbers").text == "0"


def test_added_routes_answer_in_parts_and_take_their_time(routes: WebRun):
    assert routes.get("/extra/parts").text == "part 0;part 1;part 2;"
    assert routes.get("/extra/slow").text == "at last"


def test_urls_of_built_in_views_are_known(routes: WebRun):
    expected = {"index": "/", "swarm": "/swarm", "request_stats": "/stats/requests", "login": "/login"}
    assert routes.get("/extra/urls").json() == expected


def test_a_broken_route_is_logged_and_the_rest_goes_on(routes: WebRun):
    answer = routes.get("/extra/broken")
    assert answer.status == 500 and "LookupError" not in answer.text
    assert "LookupError: in a route of the script" in routes.log
    assert routes.get("/nowhere").status == 404
    assert routes.get("/stats/requests").status == 200


def test_hooks_see_built_in_routes_and_pages_can_be_extended(tmp_path: Path):
    with WebRun(tmp_path, script=HOOKS) as run:
        answer = run.get("/stats/requests")
        assert answer.json()["extended_stats"] == [{"key": "k", "data": [{"name": "<a>"}]}]
        assert answer.headers["x-hooked"] == "yes" and answer.headers["content-type"] == "application/json"
        for path in ("/", "/tasks", "/stats/requests/csv", "/exceptions", "/stats/report"):
            answer = run.get(path)
            assert answer.status == 200 and answer.headers["x-hooked"] == "yes", path
        assert run.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"]
        assert run.post("/stop").json() == {"message": "Test stopped", "success": True}
        page = run.get("/extend").text
        args = embedded(page, "templateArgs")
        assert (
            args["extended_tabs"] == [{"title": "Tab </script>", "key": "k"}] and args["state"] == "stopped"
        )
        # What the page needs is served beside it.
        asset = re.search(r"assets/[\w.-]+\.js", page)
        assert asset and run.get("/" + asset[0]).status == 200


def test_replaced_views_and_middleware_count(tmp_path: Path):
    script = (
        SCRIPT
        + """
@events.init.add_listener
def replace(web_ui, **_):
    web_ui.app.view_functions["locust.tasks"] = lambda: {"mine": True}
    inner = web_ui.app.wsgi_app
    def outer(environ, start_response):
        def start(status, headers, *more):
            return start_response(status, [*headers, ("X-Outer", "1")], *more)
        return inner(environ, start)
    web_ui.app.wsgi_app = outer
"""
    )
    with WebRun(tmp_path, script=script) as run:
        answer = run.get("/tasks")
        assert answer.json() == {"mine": True} and answer.headers["x-outer"] == "1"
        assert run.get("/stats/requests").headers["x-outer"] == "1"


def test_the_test_client_knows_the_built_in_routes(tmp_path: Path):
    script = (
        SCRIPT
        + """
@events.init.add_listener
def ask(web_ui, **_):
    client = web_ui.app.test_client()
    print("ASKED", client.get("/stats/requests").json["state"], client.get("/").status_code, client.get("/stop").json)
"""
    )
    with WebRun(tmp_path, script=script) as run:
        run.wait_for(lambda: "ASKED ready 200 {'message': 'Test stopped', 'success': True}" in run.log)


@pytest.mark.parametrize("base", ["", "/locust"])
def test_with_web_login_everything_wants_a_login(tmp_path: Path, base: str):
    arguments = ("--web-login", *(("--web-base-path", base) if base else ()))
    with WebRun(tmp_path, *arguments, script=LOGIN, ready=f"{base}/login") as run:
        for path in ("/", "/stats/requests", "/live", "/runs", "/live/history", "/closed"):
            answer = run.get(base + path)
            assert answer.status == 302, path
            assert answer.headers["location"].startswith(f"{base}/login?next="), path
        assert run.post(f"{base}/swarm", {"user_count": 1, "spawn_rate": 1}).status == 302
        assert run.get(f"{base}/open").text == "for everybody"

        login = run.get(f"{base}/login")
        assert embedded(login.text, "authArgs")["username_password_callback"] == f"{base}/login_submit"
        refused = run.post(f"{base}/login_submit", {"username": "me", "password": "?"})
        assert refused.status == 302 and refused.headers["location"].endswith("/login")
        told = run.get(f"{base}/login", Cookie=refused.cookies)
        assert embedded(told.text, "authArgs")["error"] == "Invalid <username> or password"
        assert "<username>" not in told.text

        admitted = run.post(f"{base}/login_submit", {"username": "me", "password": "sesame"})
        assert admitted.headers["location"] == f"{base}/"
        cookie = {"Cookie": admitted.cookies}
        assert embedded(run.get(f"{base}/", **cookie).text, "templateArgs")["state"] == "ready"
        assert run.get(f"{base}/closed", **cookie).text == "for some"
        assert run.get(f"{base}/live/history", **cookie).status == 200
        assert run.post(f"{base}/swarm", {"user_count": 1, "spawn_rate": 1}, **cookie).json()["success"]


def test_a_login_that_nobody_set_up_says_what_is_missing(tmp_path: Path):
    with WebRun(tmp_path, "--web-login") as run:
        answer = run.get("/")
        assert answer.status == 200 and "configuring authentication" in answer.text
        assert answer.text.startswith("Locust auth exception: ")


def test_a_page_of_ones_own_is_served(tmp_path: Path):
    """`--build-path`: as made with Locust's npm package."""
    (tmp_path / "dist" / "assets").mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text(
        "<title>Mine</title><script>window.templateArgs = {{ template_args|tojson }}\n</script>"
    )
    (tmp_path / "dist" / "assets" / "own.js").write_text("// own")
    with WebRun(tmp_path, "--build-path", "dist") as run:
        page = run.get("/")
        assert "<title>Mine</title>" in page.text and embedded(page.text, "templateArgs")["state"] == "ready"
        assert run.get("/assets/own.js").text == "// own"
        # The reports are still the built-in ones.
        assert embedded(run.get("/stats/report").text, "reportArgs")["is_report"] is True


@pytest.mark.parametrize("name", ["extend_web_ui.py", "web_ui_cache_stats.py"])
def test_the_recipes_of_the_manual_work_as_they_are(tmp_path: Path, recipes: Path, name: str):
    if "set_static_modern_ui" in (recipes / name).read_text():
        pytest.skip("needs a function that Locust 2.47 does not have any more")
    # They test the web interface itself by default.
    with WebRun(tmp_path, script=recipes / name) as run:
        form = {"user_count": 1, "spawn_rate": 1, "host": f"http://127.0.0.1:{run.port}"}
        assert run.post("/swarm", form).json()["success"]
        [extended] = run.get("/stats/requests").json()["extended_stats"]
        args = embedded(run.get("/extend").text, "templateArgs")
        assert args["extended_tabs"][0]["key"] == extended["key"]
        [download] = args["extended_csv_files"]
        assert run.get(download["href"]).headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize("name", ["basic.py", "custom_form.py"])
def test_the_login_recipes_of_the_manual_work_as_they_are(tmp_path: Path, recipes: Path, name: str):
    script = recipes / "web_ui_auth" / name
    if not script.exists():
        pytest.skip("this release has another recipe, for an earlier API")
    with WebRun(tmp_path, "--web-login", script=script, FLASK_SECRET_KEY="not secret") as run:
        assert run.get("/").status == 302
        form = {"username": "me@example.test", "password": "x", "confirm_password": "x"}
        admitted = run.post("/login_submit", form)
        assert admitted.status == 302 and admitted.headers["location"] == "/"
        assert "templateArgs" in run.get("/", Cookie=admitted.cookies).text
