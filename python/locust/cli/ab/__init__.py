"""`gregaria ab`: one script on real Locust and on gregaria, with the same options, and what is not the same.

arguments   what is ab's own, what is passed on, what makes no sense
oracle      real Locust: a throw-away environment, or the one that --oracle names
inside      runs in the process of either side and writes down what happened
sides       starts it, and adds up runs of a side
compare     the differences that chance does not explain
show        tables and JSON
"""

from __future__ import annotations

import sys

import gevent

from ..._version import gregaria_version
from ..subcommands import PROGRAM
from ..table import exit_code
from . import arguments, compare, oracle, show, sides

NO_DIFFERENCE, DIFFERENT = 0, 1


def command(args: list[str]) -> int:
    """The subcommand: 0 if there is no difference, 1 if there is one, 2 if there is nothing to compare, 130 if Ctrl-C
    ended it."""
    # Ctrl-C is answered below: gevent's hub need not print it as an error of its own.
    hub = gevent.get_hub()
    hub.NOT_ERROR = (*hub.NOT_ERROR, KeyboardInterrupt)
    try:
        return compared(arguments.parse(args))
    except (oracle.OracleError, sides.RunError, OSError) as error:
        tell(f"error: {error}")
        return exit_code("USAGE")
    except KeyboardInterrupt:
        tell("interrupted: nothing was compared")
        return exit_code("INTERRUPTED")


def compared(wanted: arguments.Arguments) -> int:
    """Runs both sides and prints what became of it."""
    our_side = sides.our_side()
    named = oracle.named(wanted.oracle) if wanted.oracle else None
    # What makes no sense is refused before anything is installed, or runs.
    sides.check(our_side, wanted.passed_on)
    real_side = named or oracle.throw_away()
    real, ours = sides.Account(real_side.name), sides.Account(our_side.name)
    plan = [(real_side, real), (our_side, ours)]
    if wanted.both_orders:
        plan += reversed(plan)
    for number, (side, account) in enumerate(plan, 1):
        tell(f"Run {number} of {len(plan)}: {side.name}")
        account.add(*sides.run(side, wanted.passed_on))
    # Both call themselves by Locust's number.
    ours.version = gregaria_version
    found = compare.compare(real, ours)
    print(show.as_json(real, ours, found) if wanted.json else show.text(real, ours, found), flush=True)
    return DIFFERENT if found.differences else NO_DIFFERENCE


def tell(line: str) -> None:
    sys.stderr.write(f"{PROGRAM} ab: {line}\n")
