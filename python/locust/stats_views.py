"""Dicts of the statistics: what scripts read and change as dicts is native behind them."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from . import _engine

if TYPE_CHECKING:
    from .stats import RequestStats, StatsEntry

#: The bucket counts as they stood at one second.
CachedResponseTimes = namedtuple(
    "CachedResponseTimes", ["response_times", "num_requests", "num_none_requests"], defaults=(0,)
)


class CountsDict(dict):
    """A ``{key: count}`` read from native code; changes are written back at once. Missing keys read as 0."""

    def __init__(self, counts: dict[int, int], store: Callable[[dict], None]) -> None:
        super().__init__(counts)
        self._store = store

    def __missing__(self, key: int) -> int:
        return 0

    def __setitem__(self, key: int, value: int) -> None:
        super().__setitem__(key, value)
        self._store(self)

    def __delitem__(self, key: int) -> None:
        super().__delitem__(key)
        self._store(self)

    def __ior__(self, other: Any) -> CountsDict:
        self.update(other)
        return self

    def __reduce__(self) -> tuple:
        return dict, (dict(self),)

    def clear(self) -> None:
        super().clear()
        self._store(self)

    def pop(self, *args: Any) -> Any:
        try:
            return super().pop(*args)
        finally:
            self._store(self)

    def popitem(self) -> Any:
        try:
            return super().popitem()
        finally:
            self._store(self)

    def setdefault(self, key: int, default: int = 0) -> int:
        value = super().setdefault(key, default)
        self._store(self)
        return value

    def update(self, *args: Any, **kwargs: Any) -> None:
        super().update(*args, **kwargs)
        self._store(self)

    def copy(self) -> dict[int, int]:
        return dict(self)

    __copy__ = copy


def counts_property(field: str, doc: str) -> property:
    """An attribute of `StatsEntry` that is a `CountsDict`."""

    def read(self: StatsEntry) -> CountsDict:
        return CountsDict(self._counts(field), lambda counts: self._set_counts(field, counts))

    def write(self: StatsEntry, counts: dict[int, int]) -> None:
        self._set_counts(field, counts)

    return property(read, write, doc=doc)


class ResponseTimesCache(OrderedDict):
    """The copies of bucket counts of the last seconds, by second; changes are written back at once."""

    def __init__(
        self, items: list[tuple[int, dict[int, int], int, int]], store: Callable[[list], None]
    ) -> None:
        self._store = None
        super().__init__()
        for second, times, requests, none_requests in items:
            self[second] = CachedResponseTimes(times, requests, none_requests)
        self._store = store

    def _write(self, _changed: Any = None) -> None:
        if self._store is not None:
            self._store([(second, *entry) for second, entry in self.items()])

    def __setitem__(self, key: int, value: CachedResponseTimes) -> None:
        times, requests, none_requests = value
        super().__setitem__(key, CachedResponseTimes(CountsDict(times, self._write), requests, none_requests))
        self._write()

    def __delitem__(self, key: int) -> None:
        super().__delitem__(key)
        self._write()

    def clear(self) -> None:
        super().clear()
        self._write()

    def popitem(self, last: bool = True) -> tuple[int, CachedResponseTimes]:
        item = super().popitem(last)
        self._write()
        return item

    def pop(self, *args: Any) -> Any:
        value = super().pop(*args)
        self._write()
        return value


class _SyncedDict(dict):
    """A dict whose content is native: every look at it first takes over what is new there."""

    def _sync(self) -> None:
        raise NotImplementedError

    def __iter__(self) -> Iterator:
        self._sync()
        return super().__iter__()

    def __reversed__(self) -> Iterator:
        self._sync()
        return super().__reversed__()

    def __len__(self) -> int:
        self._sync()
        return super().__len__()

    def __contains__(self, key: object) -> bool:
        self._sync()
        return super().__contains__(key)

    def __eq__(self, other: object) -> bool:
        self._sync()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        self._sync()
        return super().__repr__()

    def __or__(self, other: Any) -> dict:
        return self.copy() | other

    def __ior__(self, other: Any) -> _SyncedDict:
        self.update(other)
        return self

    def get(self, key: Any, default: Any = None) -> Any:
        self._sync()
        return super().get(key, default)

    def keys(self) -> Any:
        self._sync()
        return super().keys()

    def values(self) -> Any:
        self._sync()
        return super().values()

    def items(self) -> Any:
        self._sync()
        return super().items()

    def copy(self) -> dict:
        self._sync()
        return dict(super().items())

    __copy__ = copy

    def pop(self, key: Any, *default: Any) -> Any:
        if key not in self:
            return super().pop(key, *default)
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[Any, Any]:
        for key in reversed(self):
            return key, self.pop(key)
        return super().popitem()  # raises KeyError

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def setdefault(self, key: Any, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def update(self, *args: Any, **kwargs: Any) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value


# Entries that are made before somebody else has their turn.
AT_ONCE = 200


class EntriesDict(_SyncedDict):
    """``RequestStats.entries``: entries by (name, method), made when asked for."""

    def __init__(self, request_stats: RequestStats) -> None:
        super().__init__()
        self.request_stats = request_stats
        self._mark: tuple[int, int] = (0, -1)

    def _sync(self) -> None:
        self._take()

    def catch_up(self, pause: Callable[[], Any]) -> None:
        """Makes the entries that nobody has asked for yet, some at a time: of ten thousand the first look takes its time."""
        while not self._take(AT_ONCE):
            pause()

    def _take(self, *most: int) -> bool:
        """Takes over what is new, at most so many entries; whether that was all."""
        mark = self.request_stats._entry_mark()
        if mark == self._mark:
            return True
        seen, epoch = self._mark
        if mark[1] != epoch:
            # Native code cleared the table.
            dict.clear(self)
            seen = 0
        keys, slots, epoch = self.request_stats._entry_keys(seen, *most)
        for name, method, _ in keys:
            if not dict.__contains__(self, (name, method)):
                dict.__setitem__(self, (name, method), self.request_stats._handle(name, method))
        self._mark = (slots, epoch)
        return self._mark == mark

    def __missing__(self, key: tuple[str, str]) -> StatsEntry:
        self._sync()
        if not dict.__contains__(self, key):
            # Past the limit of names it is another key.
            key = self.request_stats._ensure_entry(*key)
            self._sync()
        return dict.__getitem__(self, key)

    def __setitem__(self, key: tuple[str, str], entry: _engine.StatsEntry) -> None:
        old = self.get(key)
        if old is entry:
            return
        if old is not None:
            old._detach()
        self.request_stats._adopt(entry, *key)
        dict.__setitem__(self, key, entry)
        self._sync()

    def __delitem__(self, key: tuple[str, str]) -> None:
        self._sync()
        dict.__getitem__(self, key)._detach()
        dict.__delitem__(self, key)

    def _detach_all(self) -> None:
        for entry in dict.values(self):
            entry._detach()


class ErrorsDict(_SyncedDict):
    """``RequestStats.errors``: errors by key, in order of first occurrence."""

    def __init__(self, request_stats: RequestStats) -> None:
        super().__init__()
        self.request_stats = request_stats

    def _sync(self) -> None:
        # Errors are only ever added; who removes some does it here, or puts a new dict in place of this one.
        if self.request_stats._num_errors() != dict.__len__(self):
            dict.clear(self)
            dict.update(self, self.request_stats._errors())

    def __getitem__(self, key: str) -> _engine.StatsError:
        self._sync()
        return dict.__getitem__(self, key)

    def __setitem__(self, key: str, error: _engine.StatsError) -> None:
        self._sync()
        self.request_stats._put_error(key, error)
        dict.__setitem__(self, key, error)

    def __delitem__(self, key: str) -> None:
        self._sync()
        dict.__delitem__(self, key)
        self.request_stats._remove_error(key)
