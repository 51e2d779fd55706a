"""Where the exceptions of tasks came from, which Locust's table of them does not say: their class, the user class and the task."""

from __future__ import annotations

import os
from types import CodeType, TracebackType
from typing import Any

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
# Of one row of the table: there are few in any script, but a worker may say what it likes.
_MOST = 10
_LONGEST = 200

Origin = dict[str, str]


def origin(user_instance: Any, error: BaseException, traceback: TracebackType | None) -> Origin:
    """Of an exception that `user_error` tells of: `kind`, `user` and `task`; what is not known is left out."""
    user = getattr(user_instance, "user", user_instance)
    found = {"kind": type(error).__name__, "user": type(user).__name__}
    if code := _script(traceback):
        owner = f"{found['user']}."
        found["task"] = code.co_qualname.removeprefix(owner).replace("<locals>.", "")
    return found


def _script(traceback: TracebackType | None) -> CodeType | None:
    """The function of the script that was called first."""
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith(_OURS):
            return code
        traceback = traceback.tb_next
    return None


class Origins:
    """The origins of the rows of a runner's table, by their keys in it."""

    def __init__(self) -> None:
        self._found: dict[int, dict[str, dict[str, None]]] = {}

    def note(self, rows: dict[int, Any], key: int, what: Origin) -> None:
        """Of the row that an exception was counted in."""
        if key not in rows:
            return
        if len(self._found) > 2 * len(rows) + 20:
            self._found = {known: all_ for known, all_ in self._found.items() if known in rows}
        known = self._found.setdefault(key, {})
        for name, text in what.items():
            texts = known.setdefault(name, {})
            if len(texts) < _MOST:
                # A dictionary is a set that keeps the order.
                texts[text[:_LONGEST]] = None

    def of(self, key: int) -> dict[str, str]:
        """What is known of a row, as pages show it."""
        known = self._found.get(key, {})
        names = {"kind": "kind", "user": "users", "task": "tasks"}
        return {shown: ", ".join(known[name]) for name, shown in names.items() if name in known}
