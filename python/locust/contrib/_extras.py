"""What a module here says when the library it wraps is not installed."""

from __future__ import annotations


def missing(extra: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    """The error to raise in place of `error`: of the same type and with the same `name`, so that a script's own
    `except ImportError` goes on working, and saying which extra of this package brings the library."""
    return ModuleNotFoundError(
        f"No module named {error.name!r}: locust.contrib.{extra_module(extra)} needs it. "
        f"Install it with: pip install 'gregaria[{extra}]'",
        name=error.name,
        path=error.path,
    )


def extra_module(extra: str) -> str:
    """The module of this package that `extra` is for."""
    return {"openai": "oai"}.get(extra, extra)
