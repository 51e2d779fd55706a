"""Encodings of odd arguments, as the libraries do them whose place the engine takes: it asks here for what is not plain text."""

from __future__ import annotations

import urllib.parse
from types import FunctionType
from typing import Any
from urllib.parse import urlencode

import requests.models
from geventhttpclient.url import URL
from requests.models import RequestEncodingMixin
from urllib3.util import Timeout

from .. import _engine


def form(data: Any) -> str | None:
    """A form body as requests encodes it; None for what is sent in another way (files, iterators)."""
    if hasattr(data, "read") or not isinstance(data, dict | list | tuple):
        return None
    encoded = RequestEncodingMixin._encode_params(data)
    return encoded if isinstance(encoded, str) else None


def fast_form(data: Any) -> str | None:
    """A form body as geventhttpclient encodes it; None for what is sent in another way."""
    return urlencode(data) if isinstance(data, dict) else None


def add_params(url: str, params: Any) -> str | None:
    """`url` with `params` in its query, as requests adds them; None if it is not for us to say."""
    if not isinstance(params, dict | list | tuple | str):
        return None
    encoded = RequestEncodingMixin._encode_params(params)
    if not isinstance(encoded, str):
        return None
    if not encoded:
        return url
    base, hash_mark, fragment = url.partition("#")
    # An empty query ("/path?") is as good as none.
    separator = "&" if "?" in base and not base.endswith("?") else "" if base.endswith("?") else "?"
    return f"{base}{separator}{encoded}{hash_mark}{fragment}"


def fast_add_params(url: str, params: Any) -> str | None:
    """`url` with `params` in its query, as geventhttpclient adds them."""
    if not isinstance(params, dict) or not url.lower().startswith(("http://", "https://", "/")):
        return None
    return (
        str(URL(url, params=params))
        if not url.startswith("/")
        else _path_of(URL("http://x" + url, params=params))
    )


def _path_of(url: URL) -> str:
    return url.request_uri


def timeouts(timeout: Any) -> tuple[float | None, float | None]:
    """Connect and read timeout in seconds, from any form that requests knows."""
    if isinstance(timeout, tuple):
        try:
            connect, read = timeout
            timeout = Timeout(connect=connect, read=read)
        except ValueError:
            raise ValueError(
                f"Invalid timeout {timeout}. Pass a (connect, read) timeout tuple, or a single float to set both timeouts "
                "to the same value."
            ) from None
    elif not isinstance(timeout, Timeout):
        timeout = Timeout(connect=timeout, read=timeout)
    # What is left of a total counts from the start of the connection.
    timeout = timeout.clone()
    timeout.start_connect()
    return _seconds(timeout.connect_timeout), _seconds(timeout.read_timeout)


def _seconds(timeout: Any) -> float | None:
    # What is not a number is no limit.
    return timeout if isinstance(timeout, int | float) and timeout == timeout else None


def _encoded_here() -> None:
    """Has the engine encode plain forms, as long as nothing that the libraries go by has been replaced."""
    parse, mixin = urllib.parse, vars(RequestEncodingMixin)["_encode_params"]
    functions = (
        *((parse, getattr(parse, name)) for name in ("urlencode", "quote_plus", "quote", "quote_from_bytes")),
        (requests.models, mixin.__func__ if isinstance(mixin, staticmethod) else None),
    )
    if urlencode is not parse.urlencode or any(
        type(function) is not FunctionType or function.__globals__ is not vars(module)
        for module, function in functions
    ):
        return
    quoting = [(vars(parse), name) for name in ("quote_plus", "quote", "quote_from_bytes")]
    here = [(globals(), name) for name in ("form", "fast_form", "urlencode")]
    _engine.encode_forms_of(True, [*here, *quoting])
    theirs = [(vars(requests.models), name) for name in ("urlencode", "to_key_val_list", "basestring")]
    _engine.encode_forms_of(False, [*here, *quoting, *theirs, (vars(RequestEncodingMixin), "_encode_params")])


_encoded_here()
