"""The Flask app beside the native server, for what locustfiles add to the web interface.

It is made when a script touches `web_ui.app`. Until then Flask is not even imported. What it has to see is decided by
what scripts did with it: nothing, the paths that are not built in, or every request.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import gevent
from flask import Flask
from jinja2 import BaseLoader
from werkzeug.exceptions import HTTPException

from . import templates, views

if TYPE_CHECKING:
    from ..web import WebUI

logger = logging.getLogger("locust.web")

# Bytes that may wait for a slow client before an answer that comes in parts pauses.
MOST_WAITING = 1 << 20

NOTHING, UNMATCHED, ALL = "none", "unmatched", "all"


class App(Flask):
    """The app of a web interface. Its templates include the built-in pages."""

    # Flask's knows the template folder only.
    @cached_property
    def jinja_loader(self) -> BaseLoader:  # type: ignore[override]
        """Where templates are looked for: the template folder, then the built-in pages."""
        return templates.loader(str(self.template_folder))


class Bridge:
    """Makes the app and lets it answer commands of the server."""

    def __init__(self, web_ui: WebUI, template_folder: str) -> None:
        self.web_ui = web_ui
        self.app = app = App("locust.web")
        app.template_folder = template_folder
        app.static_url_path = "/assets/"
        app.jinja_env.add_extension("jinja2.ext.do")
        # Exceptions of added routes come to us, who log them, and errors of requests are explained.
        app.debug = True
        # Indented JSON as in Locust; `debug` would do it by itself, but a script may switch that off.
        app.json.compact = False  # type: ignore[attr-defined]
        if web_ui.web_login:
            # Pages of other sites send no session of ours along; a script may say otherwise.
            app.config["SESSION_COOKIE_SAMESITE"] = app.config["REMEMBER_COOKIE_SAMESITE"] = "Lax"
            app.config["SESSION_COOKIE_SECURE"] = app.config["REMEMBER_COOKIE_SECURE"] = bool(web_ui.tls_cert)
            web_ui.login_manager.init_app(app)
            web_ui.login_manager.login_view = "locust.login"
        blueprint, self.clear_cache = views.blueprint(web_ui)
        app.register_blueprint(blueprint)
        self._built_in = dict(app.view_functions)
        self._hooks = self._count_hooks()

    def mode(self) -> str:
        """Which requests the app has to see now: `UNMATCHED` or `ALL`."""
        app = self.app
        if self.web_ui.web_login or self._count_hooks() != self._hooks:
            return ALL
        if any(app.view_functions.get(name) is not view for name, view in self._built_in.items()):
            return ALL
        # Middleware around the app, or another class of responses, is meant for every request.
        return ALL if {"wsgi_app", "response_class"} & vars(app).keys() else UNMATCHED

    def own_routes(self) -> list[str]:
        """Those of the server's paths beside Locust's that the app has a route for: it answers them then."""
        base = self.web_ui.web_base_path.rstrip("/")
        routes = self.app.url_map.bind("localhost")
        found = []
        for path in ("/healthz", "/readyz", "/metrics"):
            try:
                routes.match(base + path, "GET")
            except HTTPException:
                continue
            found.append(path)
        return found

    def _count_hooks(self) -> int:
        hooks = (
            self.app.before_request_funcs,
            self.app.after_request_funcs,
            self.app.teardown_request_funcs,
            self.app.url_value_preprocessors,
        )
        return sum(len(by_scope.get(scope, ())) for by_scope in hooks for scope in (None, "locust"))

    # ----------------------------------------------------------------------------------------------- requests

    def serve(self, command: Any) -> None:
        """Lets the app answer the request of a command."""
        answer = _Answer(command)
        try:
            chunks = self.app(_environ(command), answer.start_response)
            try:
                answer.send(chunks)
            finally:
                close = getattr(chunks, "close", None)
                if close is not None:
                    close()
        except BrokenPipeError:
            pass  # The client has gone.
        except Exception:
            logger.exception(f"Exception on {command.path} [{command.method}]")
            answer.give_up()

    def authorize(self, command: Any) -> None:
        """Answers with the status 0 if the login allows the request of a command, else with what a view would have answered."""
        app, admitted = self.app, False

        def view() -> tuple[str, int]:
            nonlocal admitted
            admitted = True
            return "", 204

        with app.request_context(_environ(command)):
            # A hook of the script that answers by itself says nothing of a login, whatever it answers.
            result = app.preprocess_request()
            if result is None:
                result = self.web_ui.auth_required_if_enabled(view)()
            response = app.process_response(app.make_response(result))
            body = response.get_data()
        command.reply(body, 0 if admitted else response.status_code, list(response.headers.items()))


class _Answer:
    """The answer of a WSGI app on its way to the server."""

    def __init__(self, command: Any) -> None:
        self.command = command
        self._head: tuple[int, list[tuple[str, str]]] | None = None
        self._begun = False

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """As WSGI wants it."""
        if exc_info and self._begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._head = (int(status.split()[0]), headers)
        return self._write

    def send(self, chunks: Iterable[bytes]) -> None:
        """Sends all; at once what is there at once."""
        if isinstance(chunks, (list, tuple)):
            chunks = [b"".join(chunks)]
        for chunk in chunks:
            if chunk:
                self._write(chunk)
        self._begin()
        self.command.end()

    def give_up(self) -> None:
        """After an exception: says so if that is still possible."""
        if self._begun:
            self.command.end()
        else:
            self.command.fail("Internal Server Error", 500)

    def _begin(self) -> None:
        if self._begun:
            return
        if self._head is None:
            raise RuntimeError("the WSGI app did not call start_response")
        self._begun = True
        self.command.begin(*self._head)

    def _write(self, chunk: bytes) -> None:
        self._begin()
        waiting = self.command.write(chunk)
        while waiting > MOST_WAITING:
            gevent.sleep(0.01)
            waiting = self.command.write(b"")


def _environ(command: Any) -> dict[str, Any]:
    """The WSGI environment of a command's request. The base path is part of the path, as Locust's routes have it."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": command.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": command.path,
        "QUERY_STRING": command.query,
        "REMOTE_ADDR": command.peer[0],
        "REMOTE_PORT": str(command.peer[1]),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(command.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": command.scheme,
        "wsgi.input": io.BytesIO(command.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in command.headers:
        key = name.upper().replace("-", "_")
        if key == "CONTENT_LENGTH":
            continue
        if key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        glue = "; " if key == "HTTP_COOKIE" else ", "
        environ[key] = f"{environ[key]}{glue}{value}" if key in environ else value
    default = "443" if command.scheme == "https" else "80"
    name, _, port = environ.get("HTTP_HOST", "localhost").rpartition(":")
    if not name or not port.isdigit():
        name, port = environ.get("HTTP_HOST", "localhost"), default
    environ["SERVER_NAME"], environ["SERVER_PORT"] = name, port
    return environ
