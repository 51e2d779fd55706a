"""`--out`: seconds of the run for other programs, and lines of single requests for files, while the run goes on."""

from __future__ import annotations

import base64
import logging
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from .. import _engine, _shown, _tokens
from .reports import check_writable
from .table import exit_code, table

if TYPE_CHECKING:
    from .._recorder import Recorder
    from ..env import Environment

logger = logging.getLogger("locust.main")

RECEIVERS = ("prometheus-rw", "influxdb")
FILES = ("csv", "json")
# What is left is waited for so long at the end.
_PATIENCE_S = 10.0


def check_options(options: Namespace) -> None:
    """Ends the program with exit code 2 if the options ask for what cannot be."""
    for kind, place in _asked_for(options):
        if kind in RECEIVERS and not _is_address(place):
            _stop(f"{kind} wants an address that begins with http:// or https://, not '{_shown.url(place)}'")
    share = getattr(options, "out_sample", None)
    if isinstance(share, float) and share > 1:
        sys.stderr.write(
            f"locust: error: argument --out-sample: a share is above 0 and at most 1, not {share:g}\n"
        )
        raise SystemExit(exit_code("USAGE"))


class Outs:
    """Those of one run."""

    def __init__(self, environment: Environment, options: Namespace, recorder: Recorder | None) -> None:
        """Begins. Raises `OSError` if a file cannot be written."""
        self._remotes: list[tuple[str, Any]] = []
        self._files: list[tuple[str, Any]] = []
        for kind, place in _asked_for(options):
            if kind in FILES:
                self._write(environment, options, kind, place)
            elif options.worker:
                logger.info(f"--out {kind}: only the master of a distributed run sends this, not its workers")
            elif recorder is not None:
                self._send(recorder, kind, place)

    def _send(self, recorder: Recorder, kind: str, place: str) -> None:
        parts = urlsplit(place)
        # What follows the ? may be as good as a password.
        _shown.hide(parts.query)
        host = parts.netloc.rpartition("@")[2]
        shown = urlunsplit((parts.scheme, host, parts.path, "", ""))
        address = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
        out = _engine.Out(kind, address, shown, _authorization(kind, parts))
        recorder.native.add_out(out)
        self._remotes.append((shown, out))

    def _write(self, environment: Environment, options: Namespace, kind: str, place: str) -> None:
        if options.master:
            # Its workers have the requests.
            return
        path = _of_worker(place, environment.runner) if options.worker else place
        check_writable(path)
        lines = _engine.RequestLines(path, kind, options.out_sample or 1.0)
        environment.events.request.add_listener(lines)
        self._files.append((path, lines))

    def finish_sending(self) -> None:
        """Sends what is left, once nothing is recorded any more. What a receiver did not take is no failure of the run."""
        for place, out in self._remotes:
            words, lost = out.finish(_PATIENCE_S)
            for word in words:
                logger.warning(word)
            if lost:
                logger.warning(f"{place} has not taken {lost} messages of this run (--out)")
        self._remotes.clear()

    def finish_files(self) -> bool:
        """Writes what is left; whether every file is whole."""
        whole = True
        for path, lines in self._files:
            written, left_out, broken = lines.finish()
            if broken:
                logger.error(f"Could not write {path}: {broken}")
                whole = False
            elif left_out:
                logger.warning(
                    f"{path} has {written} requests; for {left_out} the disk had no time (--out-sample)"
                )
        self._files.clear()
        return whole


def _asked_for(options: Namespace) -> list[tuple[str, str]]:
    given = getattr(options, "outs", None)
    found = []
    # A script's own option of that name is not ours.
    for text in given if isinstance(given, list) else []:
        if not isinstance(text, str) or not text.strip():
            continue
        kind, equals, place = text.strip().partition("=")
        if kind not in (*RECEIVERS, *FILES) or not equals or not place:
            _stop(f"'{_shown.url(text)}' is none of prometheus-rw=URL, influxdb=URL, csv=FILE, json=FILE")
        found.append((kind, place))
    return found


def _is_address(place: str) -> bool:
    try:
        parts = urlsplit(place)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False


def _authorization(kind: str, parts: SplitResult) -> str | None:
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    token = _tokens.given(_tokens.OUT)
    _shown.hide(token)
    return f"{_engine.Out.scheme(kind, parts.path)} {token}" if token else None


def _of_worker(place: str, runner: Any) -> str:
    """The file of this worker: `requests.csv.gz` becomes `requests-3.csv.gz`."""
    index = getattr(runner, "worker_index", -1)
    mark = index if index >= 0 else os.getpid()
    path = Path(place)
    stem, dot, endings = path.name.partition(".")
    return str(path.with_name(f"{stem}-{mark}{dot}{endings}"))


def _stop(message: str) -> NoReturn:
    sys.stderr.write(f"locust: error: argument {table().by_dest('outs').long_flag}: {message}\n")
    raise SystemExit(exit_code("USAGE"))
