"""A test that asks for a login by a form of its own, and by a provider with an icon."""

from flask import Blueprint, redirect, request, session, url_for
from flask_login import UserMixin, login_user

from locust import HttpUser, constant, events, task

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Crect width='8' height='8' fill='teal'/%3E%3C/svg%3E"
)


class Somebody(UserMixin):
    def __init__(self, name):
        self.name = name

    def get_id(self):
        return self.name


@events.init.add_listener
def add_login(environment, **kwargs):
    if not environment.web_ui:
        return
    pages = Blueprint("auth", "custom_login_locustfile")
    environment.web_ui.login_manager.user_loader(Somebody)
    environment.web_ui.app.config["SECRET_KEY"] = "only for this test"
    environment.web_ui.auth_args = {
        "title": "Team login",
        "custom_form": {
            "inputs": [
                {"label": "Team", "name": "team", "choices": ["red", "blue"], "is_required": True},
                {"label": "Ticket", "name": "ticket", "default_value": "T-1"},
                {"label": "Rights", "name": "rights", "choices": ["read", "write"], "is_multiple": True},
                {"label": "Remember me", "name": "remember", "default_value": False},
                {"label": "Code word", "name": "code", "is_secret": True, "is_required": True},
            ],
            "callback_url": "/team_login",
            "submit_button_text": "Let me in",
        },
        "auth_providers": [
            {"label": "Single sign-on", "callback_url": "/provider", "icon_url": ICON},
            {"label": "Another way", "callback_url": "/provider?other"},
        ],
    }

    @pages.route("/team_login", methods=["POST"])
    def team_login():
        form = request.form
        print(f"form: {sorted((name, form.getlist(name)) for name in form)}", flush=True)
        if form.get("code") == "open sesame":
            login_user(Somebody(form.get("team")))
            return redirect(url_for("locust.index"))
        session["auth_error"] = "That is not <b>the</b> code word"
        return redirect(url_for("locust.login"))

    @pages.route("/provider")
    def provider():
        session["auth_info"] = "The provider is closed today"
        return redirect(url_for("locust.login"))

    environment.web_ui.app.register_blueprint(pages)


class Reader(HttpUser):
    wait_time = constant(0.2)

    @task
    def home(self):
        self.client.get("/")
