"""MilvusUser with a stand-in for pymilvus: the real one, and its server in a library, are 100 MB. So this shows what the
user does with what its client returns, and nothing of Milvus."""

from __future__ import annotations

from contrib_events import assert_events

SCRIPT = """
import types

class MilvusClient:
    made = []

    def __init__(self, **arguments):
        self.arguments = arguments
        self.calls = []
        self.made.append(self)

    def __getattr__(self, name):
        def call(**arguments):
            self.calls.append((name, arguments))
            if arguments.get("filter") == "broken":
                raise RuntimeError(f"{name} is broken")
            hits = [] if arguments.get("filter") == "none" else [{"id": 1}, {"id": 2}]
            return {"search": [hits], "hybrid_search": [hits], "query": hits}.get(name, {"count": 1})
        return call

pymilvus = types.ModuleType("pymilvus")
pymilvus.CollectionSchema, pymilvus.MilvusClient = object, MilvusClient
pymilvus.milvus_client = types.ModuleType("pymilvus.milvus_client")
pymilvus.milvus_client.IndexParams = object
sys.modules.update({"pymilvus": pymilvus, "pymilvus.milvus_client": pymilvus.milvus_client})

from locust.contrib.milvus import MilvusUser, MilvusV2Client

class Searcher(MilvusUser):
    pass

user = Searcher(environment, uri="http://x", collection_name="things", schema="schema", index_params="index", num_shards=2)
[client] = MilvusClient.made
assert client.arguments == {"uri": "http://x", "token": "root:Milvus", "db_name": "default", "timeout": 60}
assert client.calls == [("create_collection", {"collection_name": "things", "schema": "schema", "index_params": "index", "num_shards": 2})]
assert user.insert([{"id": 1}])["success"]
assert user.upsert([{"id": 1}])["result"] == {"count": 1}
found = user.search([[0.1]], "vector", 2, calculate_recall=True, ground_truth=[2, 3])
assert (found["recall"], found["empty"], found["success"]) == (0.5, False, True)
assert client.calls[-1][1] == dict(collection_name="things", data=[[0.1]], anns_field="vector", filter="", limit=2, search_params=None, output_fields=["id"])
assert user.search([[0.1]], "vector", 2, filter="none")["empty"]
assert str(user.search([[0.1]], "vector", 2, filter="broken")["exception"]) == "search is broken"
assert user.hybrid_search(["a"], "ranker", 3, ["name"])["success"]
assert client.calls[-1][1]["timeout"] == 60 and client.calls[-1][1]["output_fields"] == ["name"]
assert user.query("id == 1")["success"] and not user.query("none")["success"]
assert user.delete("id == 1")["success"]
user.on_stop()
recall = MilvusV2Client.get_recall
assert recall([[{"id": 1}]], [1]) == 1.0 and recall([[{"id": 1}]], [1], 5) == 0.0
assert recall([], [1]) == 0.0 and recall(None, [1]) == 0.0 and recall([{"id": 7}], [7]) == 1.0
try:
    Searcher(environment, uri=None)
except ValueError as e:
    assert str(e) == "'uri' must be provided for MilvusUser"
"""


def test_what_the_user_does_is_counted():
    assert_events(
        SCRIPT,
        "",
        [
            ("milvus", "insert", 0, None),
            ("milvus", "upsert", 0, None),
            ("milvus", "search", 0, None),
            ("milvus", "recall", 0, None),
            ("milvus", "search", 0, None),
            ("milvus", "search", 0, "RuntimeError('search is broken')"),
            ("milvus", "hybrid_search", 0, None),
            ("milvus", "query", 0, None),
            ("milvus", "query", 0, None),
            ("milvus", "delete", 0, None),
        ],
    )
