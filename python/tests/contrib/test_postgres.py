"""PostgresUser against PostgreSQL."""

from __future__ import annotations

from contrib_events import assert_events
from contrib_servers import Server

SCRIPT = """
from locust.contrib.postgres import PostgresUser

class Asker(PostgresUser):
    conn_string = ADDRESS

user = Asker(environment)
user.client.execute_query("select 1")
user.client.execute_query("select * from nothing_of_that_name")
user.client.execute_query("select 1")
user.on_stop()
assert user.client.connection.closed
"""


def test_queries_are_counted_and_a_failure_spoils_the_transaction():
    missing = (
        'UndefinedTable(\'relation "nothing_of_that_name" does not exist\\nLINE 1: '
        "select * from nothing_of_that_name\\n                      ^')"
    )
    spoilt = "InFailedSqlTransaction('current transaction is aborted, commands ignored until end of transaction block')"
    with Server("postgres") as server:
        assert_events(
            SCRIPT,
            server.address,
            [
                ("postgres_success", "execute_query", 0, None),
                ("postgres_failure", "execute_query", 0, missing),
                ("postgres_failure", "execute_query", 0, spoilt),
            ],
        )
