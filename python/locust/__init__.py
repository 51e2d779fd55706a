"""The names a locustfile imports.

Importing this package has side effects that scripts and plugins rely on, so they come before everything else:
gevent patches the standard library (that is what makes any blocking Python library cooperative) and urllib3's
pools hand out the connection used last, which keeps the number of open connections low.
`LOCUST_SKIP_MONKEY_PATCH` and `LOCUST_SKIP_URLLIB3_PATCH`, set to anything but a no (`_switches`), leave them out.
"""

import os

from ._switches import is_on

if is_on("LOCUST_PLAYWRIGHT", other=True):
    print("LOCUST_PLAYWRIGHT setting is no longer needed (because locust-plugins no longer installs trio)")
    print("Uninstall trio package and remove the setting.")
    try:
        # Plugins of that time expect trio to have been imported before the patching below.
        import trio  # noqa: F401
    except ModuleNotFoundError:
        os._exit(1)

if not is_on("LOCUST_SKIP_MONKEY_PATCH", other=True):
    from gevent import monkey, queue

    monkey.patch_all()

    if not is_on("LOCUST_SKIP_URLLIB3_PATCH", other=True):
        import urllib3

        urllib3.connectionpool.ConnectionPool.QueueCls = queue.LifoQueue

from . import _loaded  # noqa: F401  (says why, if the engine cannot be loaded)  # isort: skip
from . import _greenlets  # noqa: F401  (keeps it from scripts that users share greenlets)
from ._version import gregaria_version as __gregaria_version__  # noqa: F401
from ._version import version as __version__
from .contrib.fasthttp import FastHttpUser
from .debug import run_single_user
from .event import Events
from .shape import ArrivalRate as ArrivalRate
from .shape import LoadTestShape
from .user import wait_time
from .user.markov_taskset import MarkovTaskSet, transition, transitions
from .user.sequential_taskset import SequentialTaskSet
from .user.task import TaskSet, tag, task
from .user.users import HttpUser, User
from .user.wait_time import between, constant, constant_pacing, constant_throughput, poisson
from .util.deprecation import DeprecatedHttpLocustClass as HttpLocust
from .util.deprecation import DeprecatedLocustClass as Locust

events = Events()
"""The hooks of the command line's `Environment`; one made by a script has its own unless given these."""

__all__ = (
    "FastHttpUser",
    "HttpLocust",
    "HttpUser",
    "LoadTestShape",
    "Locust",
    "MarkovTaskSet",
    "SequentialTaskSet",
    "TaskSet",
    "User",
    "__version__",
    "between",
    "constant",
    "constant_pacing",
    "constant_throughput",
    "events",
    "poisson",
    "run_single_user",
    "tag",
    "task",
    "transition",
    "transitions",
    "wait_time",
)
