"""The web interface of an environment: `WebUI`, as scripts and programs that use this package as a library see it.

The server is native (`locust._engine.WebServer`); it answers the built-in routes itself and asks here only for what
Python knows. The Flask app `web_ui.app` is made when it is touched, and answers what scripts add to it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import urlsplit

import gevent
from gevent.event import Event

from . import _engine, _shown, _tokens, log, stats
from ._internals import module_attributes
from ._recorder import Recorder
from ._switches import is_on
from ._version import version
from ._web import page
from ._web.address import is_loopback, link_for_others, users_of_ours
from ._web.host import Host
from ._web.steps import WebSteps
from ._web.wire import text
from ._web.worker_logs import level_of, new_lines
from .html import DEFAULT_BUILD_PATH

if TYPE_CHECKING:
    from flask import Flask
    from flask_login import LoginManager

    from ._web.bridge import Bridge
    from .env import Environment

logger = logging.getLogger(__name__)

# Scripts overwrite these.
DEFAULT_CACHE_TIME = 2.0
HOST_IS_REQUIRED = False

OPEN_VARIABLE = "LOCUST_WEB_OPEN"
LOCAL_OPEN_VARIABLE = "LOCUST_WEB_LOCAL_OPEN"
READ_OPEN_VARIABLE = "LOCUST_WEB_READ_OPEN"


class InputField(TypedDict, total=False):
    """A field of a login form of one's own."""

    label: str
    name: str
    type: str | None
    default_value: bool | None
    choices: list[str] | None
    is_multiple: bool | None
    is_secret: bool | None
    is_required: bool | None


class CustomForm(TypedDict, total=False):
    """A login form of one's own."""

    inputs: list[InputField] | None
    callback_url: str
    submit_button_text: str | None


class AuthProvider(TypedDict, total=False):
    """A button of the login page that leads elsewhere."""

    label: str | None
    callback_url: str
    icon_url: str | None


class AuthArgs(TypedDict, total=False):
    """What the login page shows."""

    custom_form: CustomForm
    auth_providers: list[AuthProvider]
    username_password_callback: str
    callback_urls: list[str]
    error: str
    info: str


class Server:
    """The listening server, by the names that Locust's has."""

    def __init__(self, engine: Any, host: str) -> None:
        self._engine = engine
        self.server_host = host

    @property
    def server_port(self) -> int:
        """The port it listens on."""
        return self._engine.port

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.server_host, self.server_port

    def stop(self) -> None:
        """Stops listening."""
        self._engine.stop()


class WebUI(WebSteps):
    """The web interface of an environment. Make one with `Environment.create_web_ui`.

    Unless `delayed_start`, it listens at once; `OSError` if it cannot, `ValueError` for certificates or a base path that
    cannot be used. Port 0 is any free port: `web_ui.server.server_port` tells which.
    """

    greenlet: gevent.Greenlet | None = None
    """Runs as long as the server does: join it to wait for the end."""

    server: Server | None = None
    """The server, once started."""

    template_args: dict[str, Any]
    """What `index.html` is filled with. Scripts may add keys; see `update_template_args`."""

    auth_args: AuthArgs
    """What the login page is filled with."""

    def __init__(
        self,
        environment: Environment,
        host: str,
        port: int,
        web_base_path: str | None = None,
        web_login: bool = False,
        tls_cert: str | None = None,
        tls_key: str | None = None,
        stats_csv_writer: stats.StatsCSV | None = None,
        delayed_start: bool = False,
        userclass_picker_is_active: bool = False,
        build_path: str | None = None,
    ) -> None:
        environment.web_ui = self
        self.environment = environment
        self.host = host
        self.port = port
        self.web_base_path = web_base_path or ""
        self.web_login = web_login
        self.tls_cert = tls_cert
        self.tls_key = tls_key
        self.userclass_picker_is_active = userclass_picker_is_active
        self.stats_csv_writer = stats_csv_writer or stats.StatsCSV(environment, stats.PERCENTILES_TO_REPORT)
        self.template_args = {}
        self.auth_args = {}
        options = environment.parsed_options
        self.is_open = _switch(options, "web_open", OPEN_VARIABLE)
        """Whether everybody who reaches the server may use it, as with Locust."""
        self.host_functions = Host(self)
        self.recorder = Recorder(environment, self.stats_csv_writer, self.refresh)
        self.recording = self.recorder.recording
        self._build_path = build_path or ""
        self._bridge: Bridge | None = None
        self._login_manager: LoginManager | None = None
        self._mode = "none"
        self._routes: tuple[list[str], list[str]] = ([], [])
        self._recheck: gevent.Greenlet | None = None
        self._stopped = Event()
        self.engine = _engine.WebServer(
            self.recorder.native,
            self.host_functions.handle,
            host=host,
            port=port,
            base_path=self.web_base_path,
            tls_cert=tls_cert or None,
            tls_key=tls_key or None,
            token=_tokens.given(_tokens.WEB),
            open_door=self.is_open,
            login=web_login,
            local_users=None if _switch(options, "web_local_open", LOCAL_OPEN_VARIABLE) else users_of_ours(),
            read_open=_switch(options, "web_read_open", READ_OPEN_VARIABLE),
            trusted_hosts=_display_names(options),
            build_path=build_path or None,
            locust_version=version,
        )
        # Its answers change with the state, too.
        environment._state_watchers.append(self.clear_cache)
        if web_login:
            self._login_manager = _login_manager()
        if environment.runner is not None:
            self.update_template_args()
        if not delayed_start:
            self.start()

    # --------------------------------------------------------------------------------------------- the server

    def start(self) -> None:
        """Starts to listen. Raises `OSError` or `ValueError` if that is impossible."""
        if getattr(self.start_server, "__func__", None) is not WebUI.__dict__["start_server"]:
            # A script's own way to serve.
            self.greenlet = gevent.spawn(self.start_server)
            return
        self._listen()
        self.greenlet = gevent.spawn(self._stopped.wait)
        self.greenlet.link_exception(log.greenlet_exception_logger(logger))

    def start_server(self) -> None:
        """Listens until the server is stopped."""
        self._listen()
        self._stopped.wait()

    def _listen(self) -> None:
        self._stopped.clear()
        self.recorder.start()
        try:
            self.engine.start()
        except BaseException:
            self.recorder.stop()
            raise
        _shown.hide(self.engine.token)
        # The server does not know before it runs.
        self._mode, self._routes = "none", ([], [])
        self.refresh()
        self.server = Server(self.engine, self.host)
        log.follow(self._log)
        self._say_who_needs_the_token()

    def _say_who_needs_the_token(self) -> None:
        if not self.engine.token or is_loopback(self.host):
            return
        options = self.environment.parsed_options
        name = getattr(options, "web_host_display_name", None)
        link = link_for_others(self.engine, self.host, self.web_base_path, name)
        # Not by the log: that is kept in files, and shown to everybody who sees the page. A program that uses this as a library may
        # not show mere information.
        level = logging.INFO if options else logging.WARNING
        log.say_on_terminal(logger.name, f"Other machines need the access token of this start: {link}", level)

    def stop(self) -> None:
        """Stops the server: pages are told, and connections end."""
        log.unfollow(self._log)
        if self.clear_cache in self.environment._state_watchers:
            self.environment._state_watchers.remove(self.clear_cache)
        # First the last look at the numbers, of which pages still hear.
        self.recorder.stop()
        self.engine.stop()
        self._stopped.set()

    def notify(self) -> None:
        """Tells all pages that the state of the test has changed."""
        self.clear_cache()
        self.recorder.notify()

    def refresh(self) -> None:
        """Looks again at what scripts may have changed: the statistics object, and what the Flask app has to see."""
        self.recorder.follow_stats()
        mode = self._flask_mode()
        if mode != self._mode:
            self._mode = mode
            self.engine.set_flask(mode)
        if self._bridge is not None:
            routes = self._bridge.own_routes(), _paths_of_logins(self.auth_args)
            if routes != self._routes:
                self._routes = routes
                self.engine.set_script_routes(*routes)

    def clear_cache(self) -> None:
        """Forgets the answer of `/stats/requests`, which is kept for two seconds."""
        self.engine.clear_cache()
        if self._bridge is not None:
            self._bridge.clear_cache()

    def _log(self, line: str, level: int, at: float) -> None:
        self.engine.log(text(line), level, "master", at)

    def follow_worker_log(self, worker_id: str, before: list[str], after: list[str]) -> None:
        """Shows the lines that a worker has sent and that were not in what it sent before."""
        for line in new_lines(before, after):
            self.engine.log(text(line), level_of(line), worker_id, None)

    # ---------------------------------------------------------------------------------------------- Flask app

    @property
    def app(self) -> Flask:
        """The Flask app: scripts add routes, blueprints and hooks to it, as to any other."""
        app = self.bridge.app
        if self._recheck is None or self._recheck.ready():
            # Whoever asks is about to add something.
            self._recheck = gevent.spawn(self.refresh)
        return app

    @property
    def bridge(self) -> Bridge:
        """What connects the Flask app to the server."""
        if self._bridge is None:
            from ._web.bridge import Bridge

            self._bridge = Bridge(self, self._build_path or DEFAULT_BUILD_PATH)
            self.refresh()
        return self._bridge

    def _flask_mode(self) -> str:
        if self.web_login or self._build_path or type(self.stats_csv_writer) not in _KNOWN_WRITERS:
            return "all"
        return self._bridge.mode() if self._bridge is not None else "none"

    @property
    def login_manager(self) -> LoginManager:
        """Flask-Login's manager; `AttributeError` without `web_login`."""
        if self.web_login and self._login_manager is not None:
            return self._login_manager
        raise AttributeError("The login_manager is only available with --web-login.\n")

    @login_manager.setter
    def login_manager(self, value: LoginManager) -> None:
        self._login_manager = value

    def auth_required_if_enabled(self, view_func: Callable[..., Any]) -> Callable[..., Any]:
        """A decorator of views that need a login, if `--web-login` is given::

        @web_ui.app.route("/numbers")
        @web_ui.auth_required_if_enabled
        def numbers():
            return "for those who are logged in"
        """

        @wraps(view_func)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not self.web_login:
                return view_func(*args, **kwargs)
            from flask import session
            from flask_login import login_required

            try:
                session["auth_error"] = None
                session["auth_info"] = None
                refusal = login_required(lambda: None)()
            except Exception as e:
                logger.exception("Locust auth exception")
                return (
                    f"Locust auth exception: {_escaped(e)}<br/><br/>See https://docs.locust.io/en/stable/extending-locust.html"
                    "#adding-authentication-to-the-web-ui for configuring authentication, or disable login by "
                    "removing --web-login argument."
                )
            return view_func(*args, **kwargs) if refusal is None else refusal

        return wrapper

    # ------------------------------------------------------------------------------------------ the start page

    def update_template_args(self) -> None:
        """Brings the built-in keys of `template_args` up to date; other keys stay."""
        runner = self.environment.runner
        assert runner is not None, "there is no runner yet"
        built_in = page.template_args(
            self.environment, runner, self.userclass_picker_is_active, HOST_IS_REQUIRED
        )
        self.template_args = {**self.template_args, **built_in}


_KNOWN_WRITERS = (stats.StatsCSV, stats.StatsCSVFileWriter)


def _login_manager() -> LoginManager:
    from flask_login import LoginManager

    return LoginManager()


def _paths_of_logins(auth_args: Any) -> list[str]:
    """The paths that `auth_args` names: where pages of other sites, as those of identity providers, send somebody back to. Besides
    those that the login page itself uses, a script may list further ones under `callback_urls`."""
    form = auth_args.get("custom_form") or {}
    providers = auth_args.get("auth_providers") or []
    named = [auth_args.get("username_password_callback"), form.get("callback_url")]
    named += [provider.get("callback_url") for provider in providers]
    named += auth_args.get("callback_urls") or []
    return sorted({"/" + urlsplit(str(url)).path.lstrip("/") for url in named if url})


def _switch(options: Any, key: str, variable: str) -> bool:
    """An option of the command line; where there is none, a program that uses this as a library, the variable."""
    given = getattr(options, key, None)
    return is_on(variable) if given is None else bool(given)


def _display_names(options: Any) -> list[str]:
    """Host names by which browsers know us, as far as we are told."""
    name = getattr(options, "web_host_display_name", None) or ""
    name = name.partition("://")[2] or name
    name = name.partition("/")[0]
    return [name] if name else []


def _escaped(error: Exception) -> str:
    from markupsafe import escape

    return str(escape(str(error)))


__getattr__ = module_attributes(__name__)
