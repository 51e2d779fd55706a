"""The port that a Prometheus server scrapes (`--metrics-port`): the numbers of the recorder and no page."""

from __future__ import annotations

import logging
from argparse import Namespace
from typing import Any

from . import _engine, _tokens
from ._version import version
from ._web.address import users_of_ours

logger = logging.getLogger("locust.main")


class MetricsPort:
    """Serves /metrics, /healthz and /readyz while a recorder runs; nothing of it can change anything."""

    def __init__(self, recorder: Any, options: Namespace) -> None:
        self.port = options.metrics_port
        self._engine = _engine.WebServer(
            recorder.native,
            # Nothing that is served here is asked of the program.
            lambda command: command.fail("There is no page here", 404),
            host=options.web_host if options.web_host not in ("", "*") else "",
            port=options.metrics_port,
            tls_cert=options.tls_cert or None,
            tls_key=options.tls_key or None,
            token=_tokens.given(_tokens.WEB),
            open_door=options.web_open,
            local_users=None if options.web_local_open else users_of_ours(),
            read_open=options.web_read_open,
            metrics_only=True,
            locust_version=version,
        )

    def start(self) -> None:
        """Listens. A test is not given up for a port that cannot be had: that is a warning."""
        try:
            self._engine.start()
        except (OSError, ValueError) as error:
            logger.warning(f"The metrics are not served (--metrics-port {self.port}): {error}")
            return
        logger.info(f"Serving metrics at {self._engine.url}metrics")

    def stop(self) -> None:
        """Stops to listen."""
        self._engine.stop(0.2)
