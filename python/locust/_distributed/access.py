"""Who may be a node of a test.

A master asks nodes of other machines for a token: the one of `LOCUST_CLUSTER_TOKEN` (or of the file that `LOCUST_CLUSTER_TOKEN_FILE` names), or one made for this start, which is
shown with the command for workers. With `--cluster-open` everybody may join, as with Locust.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING, Any

from .. import _shown, _tokens, log
from ..rpc.interfaces import addresses_of

if TYPE_CHECKING:
    from ..env import Environment

logger = logging.getLogger("locust.runners")

VARIABLE = _tokens.CLUSTER
LEAST_TOKEN = 8
"""Characters of a token that is worth its name; the web interface's has as many."""
_LOOPBACK = ("127.", "localhost", "::1", "[::1]")


_of_children: str | None = None


def _given() -> str | None:
    return _tokens.given(VARIABLE) or _of_children


class Access:
    """What a master asks of its workers."""

    def __init__(self, environment: Environment) -> None:
        given = _given()
        self._is_random = not given
        self._token = given or secrets.token_urlsafe(18)
        _shown.hide(self._token)
        self._open = bool(getattr(environment.parsed_options, "cluster_open", False))

    @property
    def problem(self) -> str | None:
        """What is wrong with it, if something is."""
        if self._open or len(self._token) >= LEAST_TOKEN:
            return None
        return (
            f"The token of the cluster ({VARIABLE}) has to have {LEAST_TOKEN} characters at least. Without one the master makes "
            "a good one and shows it."
        )

    def keywords(self) -> dict[str, Any]:
        """What the server is to be told."""
        return {"token": self._token, "open": self._open}

    def announce(self, host: str, port: int) -> None:
        """Says how workers of other machines get in, if they can reach us at all."""
        if all(address.startswith(_LOOPBACK) for address in addresses_of(host)):
            return
        if self._open:
            logger.warning(
                "The master is open (--cluster-open): everybody who can reach it can join as a worker"
            )
        elif self._is_random:
            where = "" if port == 5557 else f" --master-port {port}"
            # Not by the log: that is kept in files, and shown to everybody who sees the page.
            log.say_on_terminal(
                logger.name,
                f"Workers on other machines join with: {VARIABLE}={self._token} locust --worker --master-host "
                f"<address>{where}",
            )


def share_with_children() -> None:
    """Settles on a token before processes are forked, so that they have it too."""
    global _of_children
    # Not a variable of the environment, which every program gets that a script starts.
    _of_children = _tokens.given(VARIABLE) or secrets.token_urlsafe(18)


def worker_keywords() -> dict[str, Any]:
    """What a client is to be told."""
    token = _given()
    return {"token": token} if token else {}
