"""Calls that send what is read while it is sent: every kind of body × where it goes × the headers that a script gives."""

from __future__ import annotations

import array
import io
import itertools
import os
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from http_cases import FAST, HTTP, attempt, http

DATA = bytes(range(256)) * 300
TEXT = "Grüße, 你好\n" * 4000


class Reader:
    """Gives what it has in pieces, whatever is asked for."""

    def __init__(self, data: bytes = DATA, piece: int = 30_000) -> None:
        self.file, self.piece = io.BytesIO(data), piece

    def read(self, size: int = -1) -> bytes:
        return self.file.read(self.piece)


class Sized(Reader):
    def __len__(self) -> int:
        return len(DATA)


class WithLen(Reader):
    len = len(DATA)


class Rewound(Sized):
    def tell(self) -> int:
        return self.file.tell()

    def seek(self, *place: int) -> int:
        return self.file.seek(*place)


class Iterable(Reader):
    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")


class Raw(io.RawIOBase):
    def __init__(self) -> None:
        self.file = io.BytesIO(DATA)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self.file.readinto(memoryview(buffer)[:5000])


class SizedList(list[bytes]):
    pass


def pipe() -> Any:
    out, into = os.pipe()
    os.write(into, DATA[:50_000])
    os.close(into)
    return os.fdopen(out, "rb")


def file(data: bytes, mode: str, at: int = 0) -> Any:
    with tempfile.NamedTemporaryFile(delete=False) as made:
        made.write(data)
    opened = open(made.name, mode, **({} if "b" in mode else {"encoding": "utf-8"}))
    os.unlink(made.name)
    opened.seek(at)
    return opened


def broken(error: BaseException, *before: Any) -> Iterator[Any]:
    yield from before
    raise error


class BrokenReader(Sized):
    def read(self, size: int = -1) -> bytes:
        raise OSError(5, "the disk is gone")


KINDS: dict[str, Callable[[], Any]] = {
    "bytes": lambda: DATA,
    "text": lambda: TEXT,
    "bytearray": lambda: bytearray(DATA),
    "memoryview": lambda: memoryview(DATA),
    "array": lambda: array.array("I", [1, 2, 3]),
    "BytesIO": lambda: io.BytesIO(DATA),
    "empty BytesIO": io.BytesIO,
    "BytesIO half read": lambda: [made := io.BytesIO(DATA), made.read(100)][0],
    "StringIO": lambda: io.StringIO("text\n" * 9),
    "file": lambda: file(DATA, "rb"),
    "file from the middle": lambda: file(DATA, "rb", 1000),
    "text file": lambda: file(b"plain text\n" * 5000, "r"),
    "pipe": pipe,
    "raw": Raw,
    "buffered": lambda: io.BufferedReader(Raw()),
    "reader": Reader,
    "reader with a length": Sized,
    "reader with len": WithLen,
    "reader that seeks": Rewound,
    "reader of little pieces": lambda: Sized(DATA, 999),
    "reader that iterates": Iterable,
    "generator": lambda: iter([b"abc", b"", b"d" * 70_000, b"e"]),
    "generator of text": lambda: (text for text in ["a", "", "ü", "ende"]),
    "generator of views": lambda: (memoryview(b"view") for _ in range(2)),
    "generator of arrays": lambda: (bytearray(b"array") for _ in range(2)),
    "empty generator": lambda: iter([]),
    "generator of numbers": lambda: iter([b"a", 7]),
    "generator of None": lambda: iter([b"a", None, b"b"]),
    "generator that fails": lambda: broken(ValueError("mine"), b"begun"),
    "generator that fails at once": lambda: broken(KeyError("mine")),
    "generator whose file fails": lambda: broken(OSError(5, "mine"), b"begun"),
    "generator that times out": lambda: broken(TimeoutError("mine"), b"begun"),
    "generator about headers": lambda: broken(ValueError("a header of mine"), b"begun"),
    "reader that fails": BrokenReader,
    "list of bytes": lambda: SizedList([b"one", b"two"]),
    "set": lambda: {b"only"},
}
TARGETS = {
    "": "/data",
    " redirected 307": "/redirect/307?to=/landed",
    " redirected 308": "/redirect/308?to=/landed",
    " redirected 302": "/redirect/302?to=/landed",
    " refused": "/status/413",
    " hung up on": "/close",
}
GIVEN: dict[str, dict[str, str]] = {
    "": {},
    " typed": {"Content-Type": "x/y"},
    " in chunks": {"Transfer-Encoding": "chunked"},
}
UNMEASURED = ("reader", "pipe", "raw", "buffered", "generator", "generator of text", "empty generator")
"""Kinds that requests finds no length for."""
KNOWN_TO_FAST = (
    "bytes",
    "text",
    "BytesIO",
    "file",
    "generator",
    "generator that fails",
    "BytesIO half read",
)
UNKNOWN_TO_FAST = ("reader", "pipe")
"""Kinds that geventhttpclient begins to send and does not end: it is chance when the server notices that."""


BREAKING = tuple(
    kind for kind in KINDS if "fails" in kind or "times out" in kind or kind.endswith(("numbers", "headers"))
)
"""Kinds that end before the server has all of it."""


def put(client: Any, kind: str, target: str, given: dict[str, str], **more: Any) -> Any:
    answer = attempt(lambda: client.post(target, data=KINDS[kind](), headers=given, **more))
    if not more:
        return answer
    # What comes after it on the connection is as it should be.
    return [answer, attempt(lambda: client.get("/after"))]


for _kind, (_where, _target), (_how, _given) in itertools.product(KINDS, TARGETS.items(), GIVEN.items()):
    if _kind in BREAKING:
        # To a door that nobody records: it is chance when the server notices the end of what is cut off.
        HTTP[f"upload of {_kind}"] = lambda s, k=_kind: attempt(
            lambda: s.post(f"http://127.0.0.1:{s.gates['closing proxy']}/", data=KINDS[k](), timeout=5)
        )
        continue
    if _how and (_where or ("Transfer-Encoding" in _given and _kind not in UNMEASURED)):
        # Headers that contradict a body are for other cases.
        continue
    if (
        "30" in _where
        and "reader" in _kind
        and _kind not in ("reader", "reader that iterates", "reader that fails")
    ):
        # What cannot be rewound is sent empty under the length of before, and waited for: once is enough.
        continue
    _name = f"upload of {_kind}{_where}{_how}"
    HTTP[_name] = lambda s, k=_kind, t=_target, g=_given: put(s, k, t, g, timeout=5)
    if _kind in UNKNOWN_TO_FAST and not (_how or _where):
        FAST[_name] = lambda s, k=_kind: attempt(
            lambda: s.post(f"http://127.0.0.1:{s.gates['closing proxy']}/", data=KINDS[k]())
        )
    elif _kind in KNOWN_TO_FAST and not _how:
        FAST[_name] = lambda s, k=_kind, t=_target, g=_given: put(s, k, t, g)


@http("uploads on a kept connection that has ended")
def _(s: Any) -> Any:
    # An upload is not begun twice: that the connection is dead is noticed before. The server says when it has closed it.
    def ended(kind: str) -> Any:
        s.make().get("/__closed?count=0")
        first = s.get("/stale")
        s.make().get("/__closed?count=1")
        return [first, attempt(lambda: s.post("/data", data=KINDS[kind]()))]

    return [ended(kind) for kind in ("file", "generator", "reader")]


@http("uploads that cannot be rewound")
def _(s: Any) -> Any:
    return attempt(
        lambda: s.post("/redirect/307?to=/landed", data=KINDS["reader with a length"](), timeout=1)
    )


@http("uploads that nobody takes")
def _(s: Any) -> Any:
    return [
        attempt(lambda k=k: s.post("/unread", data=KINDS[k](), timeout=0.3))
        for k in ("huge", "huge file", "huge generator")
    ]


KINDS |= {
    "huge": lambda: b"h" * 20_000_000,
    "huge file": lambda: io.BytesIO(b"h" * 20_000_000),
    "huge generator": lambda: (b"h" * 100_000 for _ in range(200)),
}
