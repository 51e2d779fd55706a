"""Queries to PostgreSQL by psycopg. Needs `pip install 'gregaria[postgres]'`."""

from __future__ import annotations

import time
from typing import Any

from locust import User, events

from ._extras import missing

try:
    import psycopg
except ModuleNotFoundError as e:
    raise missing("postgres", e) from e


class PostgresClient:
    """One connection, and a query that is counted."""

    def __init__(self, conn_string: str) -> None:
        self.connection = psycopg.connect(conn_string)

    def execute_query(self, query: Any) -> None:
        """Executes `query`; counted as `postgres_success` or, where it raises, as `postgres_failure`.

        Everything happens in one transaction that is never committed: after a failure the server refuses what
        follows, unless the connection's `autocommit` is set.
        """
        began = time.time()
        exception = None
        try:
            self.connection.execute(query)
        except Exception as e:
            exception = e
        events.request.fire(
            request_type="postgres_failure" if exception else "postgres_success",
            name="execute_query",
            response_time=int((time.time() - began) * 1000),
            response_length=0,
            exception=exception,
        )

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()


class PostgresUser(User):
    """A user with a `PostgresClient`; give it the class attribute `conn_string`."""

    abstract = True
    conn_string: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = PostgresClient(conn_string=self.conn_string)

    def on_stop(self) -> None:
        self.client.close()
