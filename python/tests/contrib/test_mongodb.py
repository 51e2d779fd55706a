"""MongoDBUser against mockupdb, which speaks MongoDB's protocol."""

from __future__ import annotations

from contrib_events import assert_events
from contrib_servers import Server

SCRIPT = """
from locust.contrib.mongodb import MongoDBUser

class Reader(MongoDBUser):
    conn_string = ADDRESS
    db_name = "test"

user = Reader(environment)
assert user.client.db.name == "test"
user.client.execute_query("collection", {"field": "value"})
user.client.execute_query("broken", {})
assert len(list(user.client.db["collection"].find())) == 2
user.on_stop()
"""


def test_queries_fetch_documents_and_count_refusals():
    with Server("mongodb") as server:
        refused = "OperationFailure(\"out of order, full error: {'ok': 0, 'errmsg': 'out of order', 'code': 8000}\")"
        assert_events(
            SCRIPT, server.address, [("MONGODB", "QUERY", 0, None), ("MONGODB", "QUERY", 0, refused)]
        )
