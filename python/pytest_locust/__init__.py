"""The pytest plugin: test functions that are also load tests; see `pytest_locust.plugin`."""
