"""Running one user in this process, for a debugger: `run_single_user`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import locust

from . import argument_parser, log
from ._internals import module_attributes
from .env import Environment
from .exception import CatchResponseError

if TYPE_CHECKING:
    from .user import User

# Made by the first call and kept: scripts call run_single_user several times and expect one environment.
_env: Environment | None = None


class PrintListener:
    """Prints a line for each request, columns separated by tabs, beginning with a heading."""

    def __init__(
        self,
        env: Environment,
        include_length: bool = False,
        include_time: bool = False,
        include_context: bool = False,
        include_payload: bool = False,
    ) -> None:
        env.events.request.add_listener(self.on_request)
        self.include_length = include_length
        self.include_time = include_time
        self.include_context = include_context
        self.include_payload = include_payload
        heading = f"{'time':<24}\t" if include_time else ""
        heading += f"type\t{'name':<50}\tresp_ms\t"
        heading += "length\t" if include_length else ""
        heading += "exception\t"
        heading += "context\t" if include_context else ""
        heading += "\t"
        heading += "payload\t" if include_payload else ""
        print("\n" + heading)

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int,
        exception: Any,
        context: dict[str, Any],
        start_time: float | None = None,
        response: Any = None,
        **_kwargs: Any,
    ) -> None:
        """Prints one request. The heading's widths are the columns' least."""
        columns: list[Any] = []
        if self.include_time:
            columns.append(datetime.fromtimestamp(start_time, tz=UTC) if start_time else datetime.now())
        columns.append(request_type)
        columns.append(f"{name or '':<50}")
        columns.append(f"{round(-1 if response_time is None else response_time):<7}")
        if self.include_length:
            columns.append(response_length)
        columns.append(f"{_error_text(exception):<9}")
        if self.include_context:
            columns.append(context or "")
        if self.include_payload:
            columns.append(_payload(response))
        print(*columns, sep="\t", end="\t\n")


def _error_text(exception: Any) -> str:
    if not exception:
        return ""
    text = str(exception) if isinstance(exception, CatchResponseError) else repr(exception)
    return text[:500].replace("\n", " ")


def _payload(response: Any) -> Any:
    """The body that was sent: FastHttpUser's requests call it `payload`, requests' call it `body`."""
    request = getattr(response, "request", None)
    return getattr(request, "payload", None) or getattr(request, "body", None)


def run_single_user(
    user_class: type[User],
    include_length: bool = False,
    include_time: bool = False,
    include_context: bool = False,
    include_payload: bool = False,
    loglevel: str | None = "WARNING",
) -> None:
    """Runs one user of `user_class` in the calling greenlet, printing every request, until the user stops.

    Options come from the command line as usual. `init` is fired once per process and `test_start` by each
    call; there is no `test_stop` or `quit`. `loglevel` None leaves logging alone. The user can be reached as
    `environment.single_user_instance`.

    ::

        if __name__ == "__main__":
            run_single_user(Visitor)
    """
    global _env

    if loglevel:
        log.setup_logging(loglevel)

    if not _env:
        options = argument_parser.get_parser().parse_args()
        options.locustfile = os.path.basename(sys._getframe(1).f_code.co_filename)
        _env = Environment(
            events=locust.events, locustfile=options.locustfile, host=options.host, parsed_options=options
        )
        PrintListener(
            _env,
            include_length=include_length,
            include_time=include_time,
            include_context=include_context,
            include_payload=include_payload,
        )
        _env.events.init.fire(environment=_env, runner=None, web_ui=None)
        # `fire` logs exceptions and goes on; a script whose set-up failed should not run.
        if log.unhandled_greenlet_exception:
            os._exit(1)

    # What a runner does when a test starts.
    _env.user_classes = [user_class]
    _env._filter_tasks_by_tags()
    _env.events.test_start.fire(environment=_env)
    if _env.host:
        user_class.host = _env.host

    user = user_class(_env)
    _env.single_user_instance = user  # type: ignore[attr-defined]
    user.run()


__getattr__ = module_attributes(__name__)
