"""Telling URLs from paths."""

from __future__ import annotations

from urllib.parse import urlparse


def is_url(url: str) -> bool:
    """Whether `url` is an http or https URL with a host."""
    try:
        parts = urlparse(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
