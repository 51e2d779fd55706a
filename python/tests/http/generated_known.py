"""Generated calls that do not end as with Locust, and why: by family and client, a pattern of their names."""

from __future__ import annotations

NAMES = "a name of any type is counted, under its text"
CONTEXT = "no context is none, instead of None as one"

KNOWN: dict[tuple[str, str], dict[str, str]] = {
    ("framing", "http"): {},
    ("framing", "fast"): {},
    ("values", "http"): {
        r"^(session's request_name|(\w+: )?name) is ": NAMES,
        r"context is None": CONTEXT,
        r"header (name|is called).* (del|many spaces|nul|tab|trailing space)$": "a name that would be read as two is not sent",
    },
    ("values", "fast"): {
        r"^(session's request_name|(\w+: )?name) is ": NAMES,
        r"context is None": CONTEXT,
        r"^url is dot": "a request that fails, instead of a UnicodeError that ends the task",
    },
    ("steps", "http"): {},
    ("steps", "fast"): {r"^response's status_code is set": "it can be set, as any attribute"},
    ("state", "http"): {},
    ("state", "fast"): {r"base_url, with a slash$": "sent, instead of a ValueError that ends the task"},
    ("surface", "http"): {
        r"without an answer$": "`ok` never raises",
        r"^raw( of a stream)?$": "the connection behind it is the engine's",
        r"^cookies$": "the jar's own clock",
    },
    ("surface", "fast"): {
        r"^stream": "the parser behind it is the engine's",
        r"^hop$|^(caught )?response( of a stream| of a bad status| of a redirect| without an answer)?$": "what was sent is not kept as text",
        r"^error": "nor is the conversation",
    },
}
