"""Generated calls that do not end as with Locust, and why: by family and client, a pattern of their names."""

from __future__ import annotations

NAMES = "a name of any type is counted, under its text"
CONTEXT = "no context is none, instead of None as one"
READ = "what is malformed is read by one parser for both clients, as far as it can be"
PACKED = "a body that cannot be unpacked is no success, and a coding beyond the usual ones is no error"

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
        r"^url is star": "no host, instead of this one",
        r"^url is dot": "a request that fails, instead of a UnicodeError that ends the task",
    },
    ("answers", "http"): {
        r"^bytes (a line|half|carriage)": "a head that is cut is an error",
        r"^interim 103": "answers in between are skipped",
        r"^encoded (,gzip|gzip, identity|identity, gzip|unknown, gzip|zstd)|^gzip (a wrong|no gzip|then zeros|twice)": PACKED,
        r"^bytes an empty|^chunks (0x|a |cut in|line feeds|no )|^coding before|^fields (101|NUL|folded|no colon|space)"
        r"|^length (a |hexa|huge|negative|no number|twice)|^line (HTTP/1.2|[23]0[45])": READ,
    },
    ("answers", "fast"): {
        r"^bytes none": "a request that nobody has answered is not asked again",
        r"^(encoded|gzip) ": PACKED,
        r"^line (600|999|Latin-1|UTF-8), streamed": "the body of a bad answer can be read as it comes",
        r"^(chunks|coding|length|interim 101) |^interim 101|^bytes (a line|carriage|half|line feeds|no status)"
        r"|^fields (NUL|folded|no |space)|^line (\d0|HTTP/|tabs)": READ,
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
