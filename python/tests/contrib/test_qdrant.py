"""QdrantUser with the client's local mode: no server, but the whole client."""

from __future__ import annotations

from contrib_events import assert_events

SCRIPT = """
from qdrant_client.models import Distance, PointStruct, VectorParams
from locust.contrib.qdrant import QdrantUser

class Searcher(QdrantUser):
    url = None
    client_kwargs = {"location": ":memory:"}
    collection_name = "things"
    vectors_config = VectorParams(size=2, distance=Distance.COSINE)

user = Searcher(environment)
user.client.create_collection(Searcher.vectors_config)  # is there already
empty = user.search(query=[1.0, 0.0])
assert (empty["success"], empty["empty"], sorted(empty)) == (
    False, True, ["empty", "response_time", "result", "success"]), empty
points = [PointStruct(id=i, vector=[1.0, float(i)], payload={"i": i}) for i in range(3)]
assert user.upsert(points)["success"]
found = user.search([1.0, 0.0], limit=2)
assert found["success"] and [point.id for point in found["result"].points] == [0, 1]
page = user.scroll(limit=2)
assert (len(page["result"]), page["next_offset"], page["empty"]) == (2, 2, False)
assert user.delete([0, 1, 2])["success"]
assert user.scroll()["success"] is False
broken = user.search("no vector")
assert sorted(broken) == ["exception", "response_time", "success"] and not broken["success"]
seen[-1]["exception"] = type(broken["exception"]).__name__
user.on_stop()
try:
    type("Nameless", (QdrantUser,), {})(environment)
except ValueError as e:
    assert str(e) == "'collection_name' must be provided for QdrantUser"
else:
    raise AssertionError("a user without a collection")
"""


def test_what_the_user_does_is_counted():
    assert_events(
        SCRIPT,
        "",
        [
            ("qdrant", "search", 0, None),
            ("qdrant", "upsert", 0, None),
            ("qdrant", "search", 0, None),
            ("qdrant", "scroll", 0, None),
            ("qdrant", "delete", 0, None),
            ("qdrant", "scroll", 0, None),
            ("qdrant", "search", 0, "ValueError"),
        ],
    )
