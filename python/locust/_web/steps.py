"""What happens when the page starts or ends a test, under the names of Locust's `WebUI`: scripts override these methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..env import Environment


class WebSteps:
    """The steps, each called where Locust calls it."""

    environment: Environment

    def _update_user_classes(self, user_classes: dict[str, type[Any]]) -> None:
        """Makes these the classes of the next test."""
        pick_classes(self.environment, user_classes)

    def _update_shape_class(self, shape_class_name: str | None) -> None:
        """Makes this the shape of the next test."""
        pick_shape(self.environment, shape_class_name)

    def _stop_runners(self) -> None:
        """Ends the test when its run time is over."""
        if self.environment.runner is not None:
            self.environment.runner.stop()


def pick_classes(environment: Environment, user_classes: dict[str, type[Any]]) -> None:
    """Makes these the classes of the next test."""
    environment.user_classes = list(user_classes.values())
    if environment.locustfile is None:
        # It is only the page's title.
        environment.locustfile = ",".join(environment.user_classes_by_name)
    environment._remove_user_classes_with_weight_zero()
    environment._validate_user_class_name_uniqueness()


def pick_shape(environment: Environment, name: str | None) -> None:
    """Makes this the shape of the next test."""
    shape = None
    if name:
        shape = (environment.available_shape_classes or {})[name]
        shape.runner = environment.runner
    environment.shape_class = shape
    environment._validate_shape_class_instance()
