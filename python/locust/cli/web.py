"""The web interface of a run started by the command line."""

from __future__ import annotations

import logging
import os
import sys
import webbrowser
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from .. import _engine
from .._web.address import bracketed
from ..stats import StatsCSV
from .table import exit_code

if TYPE_CHECKING:
    from ..env import Environment
    from ..web import WebUI

logger = logging.getLogger("locust.main")


def choose_store(environment: Environment, options: Namespace) -> None:
    """Decides where finished runs are kept, before anything records them. Ends the program if the directory that is
    asked for cannot be used; if the usual one cannot, as in many containers, no runs are kept."""
    if options.no_store:
        return
    folder = options.store_dir or _engine.web_store_dir()
    if folder and _can_be_written(folder):
        environment._run_store = folder
    elif options.store_dir:
        logger.error(f"Could not keep runs in {folder}: it is no directory that can be written (--store-dir)")
        raise SystemExit(exit_code("STARTUP"))
    else:
        logger.debug(f"Runs are not kept: {folder or 'there is no home directory'} cannot be written")


def open_web_ui(environment: Environment, options: Namespace, csv_writer: StatsCSV) -> WebUI:
    """The web interface, not listening yet, so that scripts can add to it first. Ends the program if it cannot be."""
    if options.web_base_path and not options.web_base_path.startswith("/"):
        logger.error(
            f"Invalid format for --web-base-path argument ({options.web_base_path}): the url path must start with a "
            "slash."
        )
        raise SystemExit(exit_code("STARTUP"))
    if bool(options.tls_cert) != bool(options.tls_key):
        missing = "--tls-key" if options.tls_cert else "--tls-cert"
        logger.error(f"TLS needs a certificate and its key: {missing} is missing")
        raise SystemExit(exit_code("STARTUP"))
    logger.info(f"Starting web interface at {address(options)}, press enter to open your default browser.")
    try:
        return environment.create_web_ui(
            host=_host(options),
            port=options.web_port,
            web_base_path=options.web_base_path,
            web_login=options.web_login,
            tls_cert=options.tls_cert,
            tls_key=options.tls_key,
            stats_csv_writer=csv_writer,
            delayed_start=True,
            userclass_picker_is_active=options.class_picker,
            build_path=options.build_path,
        )
    except (OSError, ValueError) as e:
        raise _failed(e) from None


def start(web_ui: WebUI, options: Namespace) -> None:
    """Listens. Ends the program if the address cannot be had."""
    try:
        web_ui.start()
    except (OSError, ValueError) as e:
        raise _failed(e) from None
    if options.class_picker:
        logger.debug("Locust is running with the UserClass Picker Enabled")
    if web_ui.is_open:
        logger.warning(
            "The web interface is open (--web-open): everybody who can reach it can start load tests with it"
        )


def address(options: Namespace) -> str:
    """The URL of the web interface, as the log shows it."""
    protocol = "https" if options.tls_cert and options.tls_key else "http"
    host = _host(options)
    if not host and options.web_host_display_name:
        return options.web_host_display_name
    return f"{protocol}://{bracketed(host or '0.0.0.0')}:{options.web_port}{options.web_base_path}"


def key_functions(web_ui: WebUI) -> dict[str, Any]:
    """What Enter does: it opens the page in the browser of this machine."""

    def open_page() -> None:
        # This machine needs no token, and arguments of programs are everybody's to read.
        webbrowser.open_new_tab(web_ui.engine.url)

    return {"\r": open_page, "\n": open_page}


def _can_be_written(folder: str) -> bool:
    """Whether the folder, or what of it there is, lets us in; nothing is made yet."""
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def _host(options: Namespace) -> str:
    # "*" means all interfaces for the master's address, so it does here.
    return "" if options.web_host == "*" else options.web_host


def _failed(error: Exception) -> SystemExit:
    logger.error(f"Could not start the web interface: {error}")
    # The log may be switched off.
    if not logger.hasHandlers():
        sys.stderr.write(f"Could not start the web interface: {error}\n")
    return SystemExit(exit_code("STARTUP"))
