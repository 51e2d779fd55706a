"""What was renamed in Locust 1.0, told clearly instead of failing oddly."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

# Python hides DeprecationWarning outside __main__; script authors should see ours.
warnings.filterwarnings("always", category=DeprecationWarning, module="locust")


def check_for_deprecated_task_set_attribute(class_dict: dict[str, Any]) -> None:
    """Warns if a User's class body sets `task_set`, which has had no effect since 1.0."""
    from ..user.task import TaskSet

    task_set = class_dict.get("task_set")
    if (
        inspect.isclass(task_set)
        and issubclass(task_set, TaskSet)
        and not hasattr(task_set, "locust_task_weight")
    ):
        warnings.warn(
            "Usage of User.task_set is deprecated since version 1.0. Set the tasks attribute instead "
            f"(tasks = [{task_set.__name__}])",
            DeprecationWarning,
            stacklevel=1,  # the filter above goes by module: this one
        )


def deprecated_locust_meta_class(deprecation_message: str) -> type[type]:
    """A metaclass for one class, which keeps an old name: subclasses of it raise `ImportError`."""

    class Meta(type):
        def __new__(mcs, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Meta:
            if bases:
                raise ImportError(deprecation_message)
            return super().__new__(mcs, name, bases, body)

    return Meta


def _renamed(old: str, new: str) -> type[type]:
    return deprecated_locust_meta_class(
        f"The {old} class has been renamed to {new} in version 1.0. "
        "For more info see: https://docs.locust.io/en/latest/changelog.html#changelog-1-0"
    )


class DeprecatedLocustClass(metaclass=_renamed("Locust", "User")):  # type: ignore[metaclass]
    """Stands where `Locust` was."""


class DeprecatedHttpLocustClass(metaclass=_renamed("HttpLocust", "HttpUser")):  # type: ignore[metaclass]
    """Stands where `HttpLocust` was."""


class DeprecatedFastHttpLocustClass(metaclass=_renamed("FastHttpLocust", "FastHttpUser")):  # type: ignore[metaclass]
    """Stands where `FastHttpLocust` was."""
