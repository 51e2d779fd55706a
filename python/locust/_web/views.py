"""The built-in routes as Flask views, in a blueprint named `locust`.

The native server answers these routes. A request comes here only where Flask must see it: when a script hooks into
requests or replaces a view, with `--web-login`, and in `app.test_client()`. It is answered by the same functions then.
"""

from __future__ import annotations

import csv
import mimetypes
import os
from collections.abc import Callable
from io import StringIO
from typing import TYPE_CHECKING, Any

from flask import (
    Blueprint,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    send_from_directory,
    session,
    url_for,
)
from jinja2 import TemplateNotFound
from markupsafe import escape

from .. import _engine, web
from ..html import render_template_from
from ..util.cache import memoize
from . import recording, wire
from .host import NO_FULL_HISTORY, NO_RUNNER, disposition, log_failure

if TYPE_CHECKING:
    from ..web import WebUI

NO_PAGES = "The pages of the web interface are missing in this build. Build it with Node.js installed (see CONTRIBUTING.md)."
JSON = "application/json"


def blueprint(web_ui: WebUI) -> tuple[Blueprint, Callable[[], None]]:
    """The views of the built-in routes of `web_ui`, and what makes them forget the answer that they keep."""
    views = Blueprint("locust", "locust.web", url_prefix=web_ui.web_base_path or None)
    views.register_error_handler(Exception, _failure)
    environment, host = web_ui.environment, web_ui.host_functions

    def route(path: str, endpoint: str, *methods: str) -> Callable[[Any], Any]:
        def add(view: Any) -> Any:
            view.__name__ = endpoint
            guarded = web_ui.auth_required_if_enabled(view)
            views.add_url_rule(path, endpoint, guarded, methods=methods or None)
            return guarded

        return add

    def builtin(path: str, content_type: str | None = None) -> Response:
        status, headers, body = web_ui.engine.builtin(path, web_ui.recording.status(with_exceptions=True))
        response = Response(body, status, headers)
        if content_type is not None:
            response.content_type = content_type
        return response

    def table(write: str, kind: str) -> Response:
        rows = StringIO()
        getattr(web_ui.stats_csv_writer, write)(csv.writer(rows))
        response = make_response(wire.text(rows.getvalue()))
        response.headers["Content-type"] = "text/csv"
        response.headers["Content-disposition"] = disposition(
            f"{recording.file_stem(environment)}_{kind}.csv"
        )
        return response

    @route("/", "index")
    def index() -> Any:
        if environment.runner is None:
            return make_response(NO_RUNNER, 500)
        web_ui.update_template_args()
        try:
            return render_template("index.html", template_args=web_ui.template_args)
        except TemplateNotFound:
            return make_response(NO_PAGES, 500)

    @route("/swarm", "swarm", "POST")
    def swarm() -> Response:
        return jsonify(host.swarm(list(request.form.items(multi=True))))

    @route("/stop", "stop", "GET", "POST")
    def stop() -> Response:
        return jsonify(host.stop())

    @route("/stats/reset", "reset_stats", "GET", "POST")
    def reset_stats() -> str:
        return host.reset()

    @route("/stats/report", "stats_report")
    def stats_report() -> Response:
        page, headers = host.report(request.args.to_dict())
        return make_response(page, headers)

    # The bytes are kept, not the response: hooks change responses.
    @memoize(timeout=web.DEFAULT_CACHE_TIME, dynamic_timeout=True)
    def numbers() -> tuple[int, bytes]:
        status, _headers, body = web_ui.engine.builtin("stats/requests", web_ui.recording.status())
        return status, body

    @route("/stats/requests", "request_stats")
    def request_stats() -> Response:
        status, body = numbers()
        return Response(body, status, content_type=JSON)

    # For programs that know Locust's view. With it goes what the server itself keeps.
    request_stats.clear_cache = web_ui.clear_cache

    @route("/stats/requests/csv", "request_stats_csv")
    def request_stats_csv() -> Response:
        return table("requests_csv", "requests")

    @route("/stats/failures/csv", "failures_stats_csv")
    def failures_stats_csv() -> Response:
        return table("failures_csv", "failures")

    @route("/exceptions/csv", "exceptions_csv")
    def exceptions_csv() -> Response:
        return table("exceptions_csv", "exceptions")

    @route("/stats/requests_full_history/csv", "request_stats_full_history_csv")
    def request_stats_full_history_csv() -> Response:
        path = web_ui.recording.full_history_csv()
        if path is None:
            return make_response(NO_FULL_HISTORY, 404)
        name = f"{recording.file_stem(environment)}_requests_full_history.csv"
        return send_file(path, mimetype="text/csv", as_attachment=True, download_name=name, max_age=0)

    @route("/exceptions", "exceptions")
    def exceptions() -> Response:
        return builtin("exceptions", JSON)

    @route("/tasks", "tasks")
    def tasks() -> Response:
        return jsonify(host.tasks())

    @route("/logs", "logs")
    def logs() -> Response:
        return jsonify(host.logs())

    @route("/worker-count", "get_worker_count")
    def get_worker_count() -> Response:
        return jsonify({"worker_count": host.worker_count()})

    @route("/user", "update_user", "POST")
    def update_user() -> Any:
        host.update_user(request.get_data())
        return {}, 201

    # Neither of the two below asks for a login.

    @views.route("/login", endpoint="login")
    def login() -> Any:
        if not web_ui.web_login:
            return redirect(url_for("locust.index"))
        web_ui.auth_args["error"] = session.get("auth_error", None)
        web_ui.auth_args["info"] = session.get("auth_info", None)
        title = web_ui.auth_args.get("title", "Locust")
        return render_template_from("auth.html", auth_args=web_ui.auth_args, auth_title=title)

    @views.route("/assets/<path:path>", endpoint="send_assets")
    def send_assets(path: str) -> Any:
        own = os.path.join(str(web_ui.app.template_folder), "assets")
        if os.path.isfile(os.path.join(own, path)):
            return send_from_directory(own, path)
        asset = _engine.web_asset(f"assets/{path}")
        if asset is None:
            return make_response("Not Found", 404)
        return Response(asset, mimetype=mimetypes.guess_type(path)[0] or "application/octet-stream")

    return views, numbers.clear_cache


def _failure(error: Exception) -> Response:
    code = log_failure(request.method, request.path, error)
    # What a request has in it may be in the words: no markup, as in the server's own answers.
    return make_response(escape(wire.text(str(error))), code)
