"""Open runs of several processes: a master shares the arrivals out among its workers.

Each arrival has a number, and belongs to the worker whose number it has, modulo how many there are (`arrivals::schedule` in
crates/engine). So the parts are the whole, and a share that changes at an agreed moment changes at the same arrival everywhere.
"""

from __future__ import annotations

import logging
import math
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .. import _engine
from .._nodes import WorkerNode
from .._open_run import INTENDED, Arrivals, OpenRun, latencies
from . import checks
from .words import printable

if TYPE_CHECKING:
    from .master import MasterRunner
    from .worker import WorkerRunner

logger = logging.getLogger("locust.runners")

# In jobs, and in reports.
KEY = "gregaria_arrivals"
# Seconds between the moment at which workers are told of another share, or another rate, and the one from which it holds.
LEAD = 0.5
_NUMBERS = ("rate", "delay_sum", "delay_max", "elapsed")
_COUNTS = ("due", "begun", "late", "dropped", "waiting", "most_users")
_MOST_LANES = 1_000
_MOST_CHANGES = 100_000


class MasterArrivals:
    """The open run of a master: it has no users, and knows what its workers have begun."""

    def __init__(self, master: MasterRunner, arrivals: Arrivals) -> None:
        self._master = master
        self.arrivals = arrivals
        self._seed = random.getrandbits(63) if arrivals.poisson else None
        self._began = time.monotonic()
        self._changes: list[tuple[float, float]] = []
        self._heard: dict[str, dict[str, Any]] = {}
        # What had been heard when the statistics went back to zero.
        self._before: dict[str, dict[str, Any]] = {}
        # Most users of each at a time since then.
        self._most_since: dict[str, int] = {}
        # What each was told: from when on, which number, of how many.
        self._told_shares: dict[str, list[tuple[float, int, int]]] = {}
        # When others took over from those that have gone.
        self._gone: dict[str, float] = {}
        self._lost: dict[str, tuple[Any, int]] = {}
        self._told: set[str] = set()
        self._told_of_dropped = False
        self._shares: list[str] = []
        self._is_over = False

    def elapsed(self) -> float:
        """Seconds since the begin."""
        return time.monotonic() - self._began

    def begin(self) -> None:
        """Hands the arrivals out, from the first one on."""
        self._began = time.monotonic()
        self._master.stats._on_reset = self.counts_anew
        self._hand_out(0.0)

    def counts_anew(self) -> None:
        """The statistics have gone back to zero: what workers have told of until now counts no longer."""
        self._before = dict(self._heard)
        self._most_since.clear()
        self._gone.clear()

    def limit(self, most: int) -> None:
        """So many users at a time from now on."""
        self.arrivals = replace(self.arrivals, most=most)
        self._hand_out(self.elapsed() + LEAD)

    def change(self, rate: float) -> None:
        """So many arrivals a second, soon."""
        self._changes.append((self.elapsed() + LEAD, rate))
        self._hand_out(None)

    def share_out_anew(self) -> None:
        """Workers came or went."""
        present = [client.id for client in self._sharing()]
        if self._is_over or present == self._shares:
            return
        if present:
            logger.info(f"The arrivals are shared out anew, among {len(present)} workers")
        begin = self.elapsed() + LEAD
        self._gone |= {id: begin for id in self._shares if id not in present}
        self._hand_out(begin)

    def end(self) -> None:
        """The workers are told by others."""
        self._is_over = True

    def forget(self) -> None:
        """The numbers stay."""

    def heard(self, client_id: str, told: Any) -> None:
        """A worker's report says what has become of its arrivals since the begin."""
        told = checks.mapping(told, KEY)
        known: dict[str, Any] = {key: max(int(checks.number(told, key)), 0) for key in _COUNTS}
        known |= {key: max(checks.number(told, key), 0.0) for key in _NUMBERS}
        # Of another version there may be only the one.
        lately = checks.number(told, "most_lately" if "most_lately" in told else "most_users")
        known["most_lately"] = max(int(lately), 0)
        delays = told.get("delays")
        if not isinstance(delays, list) or not all(isinstance(count, int) and count >= 0 for count in delays):
            raise checks.Malformed(f"{KEY} has delays that are none")
        known["delays"] = delays[:64]
        told_latencies = told.get("latencies", b"")
        try:
            _engine.latency_rows([told_latencies] if told_latencies else [])
        except (TypeError, ValueError):
            raise checks.Malformed(f"{KEY} has latencies that are none") from None
        known["latencies"] = told_latencies
        if client_id in self._before and known["due"] < self._before[client_id]["due"]:
            # It has begun to count anew by itself.
            del self._before[client_id]
        self._heard[client_id] = known
        self._most_since[client_id] = max(self._most_since.get(client_id, 0), known["most_lately"])
        if known["dropped"] and not self._told_of_dropped:
            self._told_of_dropped = True
            logger.warning(
                f"Iterations are dropped: all users of a worker are busy when they are to begin. Allow more users than "
                f"{self.arrivals.most} (-u), or ask for a lower rate"
            )

    def totals(self, with_latencies: bool = True) -> dict[str, Any]:
        """What has become of all arrivals, as far as workers have reported it; with latencies in any case: nobody else has them."""
        total: dict[str, Any] = {key: 0 for key in _COUNTS} | {
            "rate": 0.0,
            "delay_sum": 0.0,
            "delay_max": 0.0,
        }
        delays: list[int] = []
        counted = [self._since(client_id, known) for client_id, known in self._heard.items()]
        for known in counted:
            for key in (*_COUNTS, "delay_sum"):
                total[key] += known[key]
            for key in ("rate", "delay_max"):
                total[key] = max(total[key], known[key])
            delays += [0] * (len(known["delays"]) - len(delays))
            delays = [a + b for a, b in zip(delays, [*known["delays"], *[0] * len(delays)], strict=False)]
        total["lost"] = sum(self._lost_by(client_id, until) for client_id, until in self._gone.items())
        parts = [known["latencies"] for known in counted]
        return {**total, "delays": delays, "latencies": latencies(self.arrivals.latency, parts)}

    def _since(self, client_id: str, known: dict[str, Any]) -> dict[str, Any]:
        """What a worker has told of since the statistics went back to zero."""
        before = self._before.get(client_id)
        if before is None:
            return known
        since = {**known, **{key: known[key] - before[key] for key in ("due", "begun", "late", "dropped")}}
        # What waited then was due before, and does not count; it is the first to get a user, or to be given up.
        carried = min(before["waiting"], since["begun"] + since["dropped"])
        begun = min(carried, since["begun"])
        since["begun"] -= begun
        since["dropped"] -= carried - begun
        since["waiting"] = max(known["waiting"] - (before["waiting"] - carried), 0)
        # Until it tells of it: those it had lately, if it still has any.
        lately = known["most_lately"] if client_id in self._shares else 0
        since["most_users"] = self._most_since.get(client_id, lately)
        since["delay_sum"] = max(known["delay_sum"] - before["delay_sum"], 0.0)
        earlier = [*before["delays"], *[0] * len(known["delays"])]
        since["delays"] = [max(a - b, 0) for a, b in zip(known["delays"], earlier, strict=False)]
        # Of the longest one only the length is known, unless it is the longest of all.
        longest = max((place for place, count in enumerate(since["delays"]) if count), default=None)
        since["delay_max"] = 0.0 if longest is None else min(known["delay_max"], 0.25 * 2.0**longest)
        if before["latencies"] and known["latencies"]:
            since["latencies"] = _engine.latencies_since(before["latencies"], known["latencies"])
        return since

    def _lost_by(self, client_id: str, until: float) -> int:
        """Arrivals that were a worker's, until others took over, and of which it has told nothing."""
        known = self._heard.get(client_id, {"elapsed": 0.0, "waiting": 0})
        cause = known["elapsed"], until, len(self._changes)
        if self._lost.get(client_id, (None, 0))[0] != cause:
            rates = [rate for rate, _members in self.arrivals.lanes]
            shares = self._told_shares.get(client_id, [])
            count = _engine.count_arrivals(rates, self._seed, shares, self._changes, known["elapsed"], until)
            self._lost[client_id] = cause, count + known["waiting"]
        return self._lost[client_id][1]

    def _sharing(self) -> list[WorkerNode]:
        """Those that get a share: as many as can have a user of each class."""
        able = []
        for client in self._master._active_workers:
            if client.is_locusts_own:
                self._refuse(client)
            else:
                able.append(client)
        classes = sum(len(members) for _rate, members in self.arrivals.lanes)
        most = max(self.arrivals.most // max(classes, 1), 1)
        if len(able) > most and "few" not in self._told:
            self._told.add("few")
            logger.warning(
                f"{self.arrivals.most} users at a time are too few for {len(able)} workers with a user of each of {classes} classes: "
                f"{len(able) - most} of them get no arrivals"
            )
        able.sort(key=lambda client: self._master.get_worker_index(client.id))
        return able[:most]

    def _refuse(self, client: WorkerNode) -> None:
        if client.id not in self._told:
            self._told.add(client.id)
            logger.warning(
                f"Worker {client.id} runs Locust itself, which knows no arrivals: it gets no users in this open run. Start it with "
                "this program's locust"
            )

    def _hand_out(self, begin: float | None) -> None:
        """Tells each worker its share from that moment on; None: the share stays as it is."""
        sharing = self._sharing()
        self._shares = [client.id for client in sharing]
        count = len(sharing)
        for index, client in enumerate(sharing):
            users = self.arrivals.most // count + (index < self.arrivals.most % count)
            self._tell(client, users, begin, index, count)
        for client in self._master._active_workers:
            if client.id not in self._shares and not client.is_locusts_own:
                self._tell(client, 0, begin, 1, 1)

    def _tell(self, client: WorkerNode, users: int, begin: float | None, index: int, count: int) -> None:
        if begin is not None:
            self._told_shares.setdefault(client.id, []).append((begin, index, count))
        job = self._master._job({})
        job[KEY] = {
            "lanes": [[rate, [list(member) for member in members]] for rate, members in self.arrivals.lanes],
            "most": users,
            "seed": self._seed,
            "from": begin,
            "index": index,
            "of": count,
            "changes": [list(change) for change in self._changes],
            "latency": self.arrivals.latency,
        }
        self._master._tell(client.id, job)


def stamp(job: dict[str, Any], run: Any) -> None:
    """As a job leaves: how long the run has gone on, for a worker that begins with it."""
    if isinstance(run, MasterArrivals) and KEY in job:
        job[KEY]["elapsed"] = run.elapsed()


def follow(worker: WorkerRunner, told: dict[Any, Any], is_new: bool) -> None:
    """A worker is told its share. Raises `Malformed`, before anything has changed."""
    lanes = _lanes(told)
    most, index, count = (int(checks.number(told, key)) for key in ("most", "index", "of"))
    begin = None if told.get("from") is None else checks.number(told, "from")
    elapsed = max(checks.number(told, "elapsed"), 0.0)
    seed = None if told.get("seed") is None else int(checks.number(told, "seed"))
    changes = _changes(told)
    latency = told.get("latency", INTENDED)
    if latency not in (INTENDED, "service"):
        raise checks.Malformed(f"{KEY} has a latency that is none")
    if most < 0 or count < 1 or index < 0 or (seed is not None and not 0 <= seed < 1 << 64):
        raise checks.Malformed(f"{KEY} has numbers that are none")
    known = worker.user_classes_by_name
    if unknown := [name for _rate, members in lanes for name, _weight in members if name not in known]:
        worker._words.say(
            logging.ERROR,
            f"The master asks for users that the locustfile of this worker does not define: {', '.join(unknown)}",
        )
    if worker._open is None or is_new:
        arrivals = Arrivals(lanes, seed is not None, most, latency)
        worker._open = OpenRun(worker, arrivals, seed)
        try:
            worker._open.begin(elapsed, (elapsed if begin is None else begin, index, count))
        except ValueError as e:
            worker._open = None
            raise checks.Malformed(f"{KEY} has a rate that is none: {printable(str(e))}") from None
    else:
        worker._open.limit(most)
        if begin is not None:
            _engine.share_open_run(begin, index, count)
    worker._open.follow(changes)


def _lanes(told: dict[Any, Any]) -> list[tuple[str, list[tuple[str, float]]]]:
    lanes = told.get("lanes")
    if not isinstance(lanes, list | tuple) or not 0 < len(lanes) <= _MOST_LANES:
        raise checks.Malformed(f"{KEY} has no lanes")
    found = []
    for lane in lanes:
        match lane:
            case [str(rate), [*members]] if all(map(_is_member, members)):
                found.append((rate, [(name, float(weight)) for name, weight in members]))
            case _:
                raise checks.Malformed(f"{KEY} has a lane that is none")
    return found


def _is_member(member: Any) -> bool:
    match member:
        case [str(), int() | float() as weight]:
            return math.isfinite(weight) and weight >= 0
    return False


def _changes(told: dict[Any, Any]) -> list[tuple[float, float]]:
    changes = told.get("changes")
    if not isinstance(changes, list | tuple) or len(changes) > _MOST_CHANGES:
        raise checks.Malformed(f"{KEY} has no changes")
    found = []
    for change in changes:
        match change:
            case [int() | float() as at, int() | float() as rate] if math.isfinite(at) and 0 <= rate <= 1e6:
                found.append((float(at), float(rate)))
            case _:
                raise checks.Malformed(f"{KEY} has a change that is none")
    return found
