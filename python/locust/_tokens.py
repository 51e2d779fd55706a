"""Tokens that the environment gives: as a variable, or in the file that `…_FILE` names, as secrets of containers are mounted."""

from __future__ import annotations

import os

CLUSTER = "LOCUST_CLUSTER_TOKEN"
WEB = "LOCUST_WEB_TOKEN"
OUT = "LOCUST_OUT_TOKEN"


def given(variable: str) -> str | None:
    """The token, if there is one. `ValueError`: what is said makes no sense, or the file cannot be read."""
    token, name = os.environ.get(variable), f"{variable}_FILE"
    path = os.environ.get(name)
    if not path:
        return token or None
    if token:
        raise ValueError(f"{variable} and {name} are both set: one of them has to go")
    try:
        with open(path, encoding="utf-8") as file:
            token = file.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ValueError(f"{name} names {path}, which cannot be read: {reason}") from None
    if not token:
        raise ValueError(f"{name} names {path}, which is empty")
    return token
