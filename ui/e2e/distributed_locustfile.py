"""The same, with nodes that may be silent for longer: a machine that does something else for a while must not look like a
worker that has died."""

from locustfile import Reader  # noqa: F401

from locust import runners

runners.HEARTBEAT_LIVENESS = 8
