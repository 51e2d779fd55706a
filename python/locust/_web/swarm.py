"""The form that starts a test or edits a running one: `POST /swarm`.

Its words, its order of effects and its answers are Locust's. What it may set is listed: the fields of the form, the
options that scripts added and show in the page, and a few that are harmless. Locust lets it set any option, among them
names of files that are written; with `--web-open` so does this.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .. import _engine, _shown, runners
from .._run_time import START, counts_from
from ..cli import script_options
from ..util.timespan import parse_timespan
from . import page
from .steps import WebSteps, pick_classes, pick_shape

if TYPE_CHECKING:
    from ..env import Environment

# The logger of the module that scripts know.
logger = logging.getLogger("locust.web")

# Options of the program that the form may set besides its own fields.
_HARMLESS = {"tags", "exclude_tags", "stop_timeout", "reset_stats", "exit_code_on_error"}


class _Refusal(Exception):
    """The form asks for what cannot be; the text is the answer's message."""


class Form:
    """The decoded fields of a form, in their order; names may repeat."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.lists: dict[str, list[str]] = {}
        for name, value in pairs:
            self.lists.setdefault(name, []).append(value)

    def first(self, name: str, default: str = "") -> str:
        """The first value of a field."""
        return self.lists.get(name, [default])[0]


class Order:
    """What a form asks for. Making one changes the environment and its options, as far as the form is understood."""

    def __init__(self, environment: Environment, form: Form, pick_classes: bool, any_option: bool) -> None:
        self.environment = environment
        self.form = form
        self.any_option = any_option
        self.user_count: int | None = None
        self.spawn_rate: float | None = None
        self.run_time: int | None = None
        self.user_classes: list[str] | None = None
        """Names of the picked classes; None: there is nothing to pick from."""
        self.refusal: str | None = None
        """Why nothing is to be started."""
        options = environment.parsed_options
        self._options: dict[str, Any] = vars(options) if options else {}
        try:
            if pick_classes:
                self._pick_classes()
            self._take_fields()
        except _Refusal as e:
            self.refusal = str(e)
            logger.error(self.refusal)

    def answer(self, message: str, **more: Any) -> dict[str, Any]:
        """The JSON object to send."""
        return {
            "success": self.refusal is None,
            "message": message,
            "host": _shown.url(host) if (host := self.environment.host) else host,
            **more,
        }

    def refuse_unless_startable(self) -> None:
        """Refuses the order if it names no users, or no rate, that a test could have."""
        count, rate = self.user_count, self.spawn_rate
        if count is None or count < 0 or rate is None or rate <= 0 or not math.isfinite(rate):
            self.refusal = "Missing or invalid user_count or spawn_rate from /swarm request"
            logger.error(self.refusal)

    def refuse_a_warm_up_without_end(self) -> None:
        """Refuses the order if nothing of the test would be left behind its warm-up."""
        seconds = self.environment._warm_up_seconds
        from_start = counts_from(self.environment.parsed_options) == START
        if seconds and self.run_time and self.run_time <= seconds and from_start:
            self.refusal = f"Nothing would be measured: the warm-up alone takes {seconds:g} seconds, and the run time is {self.run_time}"
            logger.error(self.refusal)

    # ------------------------------------------------------------------------------------------------ classes

    def _pick_classes(self) -> None:
        environment = self.environment
        available = environment.available_user_classes
        if not available:
            # Said without a log line, as ever.
            self.refusal = "UserClass picker is active but there are no available UserClasses"
            return
        wanted = self.form.lists.get("user_classes", [])
        if wanted:
            picked = {name: user_class for name, user_class in available.items() if name in wanted}
        elif environment.runner is not None and environment.runner.state == runners.STATE_RUNNING:
            picked = {
                name: user_class
                for name, user_class in available.items()
                if user_class in environment.user_classes
            }
        else:
            picked = dict(available)
        self.user_classes = sorted(picked)
        name = self.form.first("shape_class", "Default")
        shape = None if name == "Default" else name or None
        steps = environment.web_ui
        if isinstance(steps, WebSteps):
            steps._update_user_classes(picked)
            steps._update_shape_class(shape)
        else:
            pick_classes(environment, picked)
            pick_shape(environment, shape)

    # ------------------------------------------------------------------------------------------------- fields

    def _take_fields(self) -> None:
        if self.refusal is not None:
            return
        settable = _HARMLESS | script_options.shown_options().keys()
        for name in self.form.lists:
            value = self.form.first(name)
            match name:
                case "user_count":
                    self.user_count = self._options["num_users"] = _number(
                        _engine.integer, name, value, "an integer"
                    )
                case "spawn_rate":
                    self.spawn_rate = self._options[name] = _number(_engine.number, name, value, "a number")
                case "host":
                    self._take_host(value)
                case "user_classes":
                    self._options[name] = self.form.lists[name]
                case "run_time":
                    self._take_run_time(value)
                case "profile":
                    self.environment.profile = self._options[name] = value or None
                case _ if name in self._options:
                    self._take_option(name, settable)

    def _take_host(self, value: str) -> None:
        try:
            value = _shown.meant(value, page.present_host(self.environment))
        except ValueError as e:
            raise _Refusal(f"host: {e}") from None
        # Without brackets it is no markup, wherever a script may show it.
        self.environment.host = self._options["host"] = value.replace("<", "").replace(">", "")

    def _take_run_time(self, value: str) -> None:
        if not value:
            return
        try:
            self.run_time = self._options["run_time"] = parse_timespan(value)
        except ValueError:
            raise _Refusal("Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.") from None

    def _take_option(self, name: str, settable: set[str]) -> None:
        if not (self.any_option or name in settable):
            logger.warning(f"The option {name} cannot be set by the web interface (--web-open allows it)")
            return
        value, now = self.form.first(name), self._options[name]
        if not value and name in script_options.secret_options():
            # The page does not know the value; an empty field leaves it as it is.
            return
        try:
            if _shown.meant(value, now) == now:
                return
        except ValueError as e:
            raise _Refusal(f"{name}: {e}") from None
        if isinstance(now, bool):
            self._options[name] = value == "true"
        elif now is None:
            self._options[name] = value
        elif isinstance(now, list):
            words = value.split(",") if "," in value else self.form.lists[name]
            numbers = all(isinstance(element, int) for element in now)
            self._options[name] = [int(word) for word in words] if numbers else words
        else:
            self._options[name] = type(now)(value)


def _number(kind: Any, name: str, value: str, what: str) -> Any:
    number = kind(value)
    if number is None:
        raise _Refusal(f"Invalid {name} value: {value!r} (must be {what})")
    return number
