"""The names of each module and how they are called: parameters in order, with their defaults."""

import importlib
import inspect

from observe import report

import locust

MODULES = {
    "locust": locust.__all__,
    "locust.user": locust.user.__all__,
    "locust.exception": None,
    "locust.event": None,
    "locust.env": ["Environment"],
    "locust.debug": ["PrintListener", "run_single_user"],
    "locust.user.task": [
        "TaskHolder", "task", "tag", "get_tasks_from_base_classes", "is_markov_taskset", "filter_tasks_by_tags",
        "TaskSetMeta", "TaskSet", "DefaultTaskSet", "LOCUST_STATE_RUNNING", "LOCUST_STATE_WAITING",
        "LOCUST_STATE_STOPPING", "logger",
    ],
    "locust.user.sequential_taskset": ["SequentialTaskSetMeta", "SequentialTaskSet"],
    "locust.user.markov_taskset": None,
    "locust.user.wait_time": ["between", "constant", "constant_pacing", "constant_throughput", "poisson"],
    "locust.user.inspectuser": None,
    "locust.util.cache": None,
    "locust.util.date": None,
    "locust.util.deprecation": None,
    "locust.util.directory": None,
    "locust.util.exception_handler": None,
    "locust.util.rounding": None,
    "locust.util.timespan": None,
    "locust.util.url": None,
}  # fmt: skip


def default(value):
    return getattr(value, "__name__", None) or (
        repr(value) if " at 0x" not in repr(value) else type(value).__name__
    )


def parameters(function):
    return [
        f"{'*' * (p.kind is p.VAR_POSITIONAL)}{'**' * (p.kind is p.VAR_KEYWORD)}{name}"
        + ("" if p.default is p.empty else f"={default(p.default)}")
        + (" (keyword)" if p.kind is p.KEYWORD_ONLY else "")
        for name, p in inspect.signature(function).parameters.items()
    ]


# These make the methods of a class, or stand for our own way of doing something: no part of the surface.
INNER_BASES = {"Generic", "UserCore"}
NOT_COMPARED = {"__new__", "__init_subclass__", "__subclasshook__"}


def members(cls):
    """The public methods, `__init__`, and the hooks that scripts override."""
    seen = {}
    for name, value in inspect.getmembers(cls):
        if name in NOT_COMPARED or (name.startswith("_") and name not in ("__init__", "_sleep")):
            continue
        if name == "__init__" and cls.__name__ == "MarkovTaskSet":
            continue  # whether it is inherited or passes everything on
        if inspect.isfunction(value) or inspect.ismethod(value):
            seen[name] = parameters(value)
        elif isinstance(value, property):
            seen[name] = "property"
    return seen


def described(value):
    if inspect.isclass(value):
        return {
            "bases": [b.__name__ for b in value.__mro__[1:-1] if b.__name__ not in INNER_BASES],
            **members(value),
        }
    if inspect.isfunction(value):
        return parameters(value)
    return f"{type(value).__name__}" + (f" {value}" if isinstance(value, str) else "")


def surface(module_name, only):
    module = importlib.import_module(module_name)
    if only is None:
        only = [
            name
            for name, value in vars(module).items()
            if not name.startswith("_")
            and getattr(value, "__module__", None) == module_name
            and (inspect.isclass(value) or inspect.isfunction(value))
        ]
    return {name: described(getattr(module, name)) for name in sorted(only)}


report(**{name: surface(name, only) for name, only in MODULES.items()})
