"""Everything a script or a server can name, and every name an attempt to run something in the page that shows it."""

import logging

from locust import User, constant, task

MARK = "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"


class Hostile(User):
    wait_time = constant(0.1)

    @task
    def report(self):
        self.environment.events.request.fire(
            request_type=f"GET{MARK}",
            name=f"name {MARK}",
            response_time=3,
            response_length=1,
            exception=ValueError(f"error {MARK}"),
            context={},
        )
        logging.warning(f"line {MARK}")
        raise RuntimeError(f"exception {MARK}")
