"""Queries to MongoDB by pymongo. Needs `pip install 'gregaria[mongodb]'`."""

from __future__ import annotations

import time
from typing import Any

from locust import User, events

from ._extras import missing

try:
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError
except ModuleNotFoundError as e:
    raise missing("mongodb", e) from e


class MongoDBClient(MongoClient):
    """A `MongoClient` with one database chosen, `db`, and a query that is counted."""

    def __init__(self, conn_string: str, db_name: str) -> None:
        super().__init__(conn_string)
        self.db = self[db_name]

    def execute_query(self, collection_name: str, query: Any) -> None:
        """Fetches all documents that match; counted as MONGODB QUERY, also where the database refuses."""
        began = time.time()
        exception = None
        try:
            # The documents come when they are looked at, so look at them.
            list(self.db[collection_name].find(query))
        except PyMongoError as e:
            exception = e
        events.request.fire(
            request_type="MONGODB",
            name="QUERY",
            response_time=int((time.time() - began) * 1000),
            response_length=0,
            exception=exception,
        )


class MongoDBUser(User):
    """A user with a `MongoDBClient`; give it the class attributes `conn_string` and `db_name`."""

    abstract = True
    conn_string: str
    db_name: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = MongoDBClient(conn_string=self.conn_string, db_name=self.db_name)

    def on_stop(self) -> None:
        self.client.close()
