"""Requests to Milvus by pymilvus. Needs `pip install 'gregaria[milvus]'`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import gevent.monkey

from locust import User, events

from ._extras import missing
from ._timed import fire, timed

try:
    import grpc.experimental.gevent as grpc_gevent

    # pymilvus speaks gRPC, whose own threads would block all users while one waits.
    gevent.monkey.patch_all()
    grpc_gevent.init_gevent()

    from pymilvus import CollectionSchema, MilvusClient
    from pymilvus.milvus_client import IndexParams
except ModuleNotFoundError as e:
    raise missing("milvus", e) from e


class BaseClient(ABC):
    """What `MilvusUser` asks of its client. Except for the first two, methods return a dict: `success`,
    `response_time` (ms), `result` or `exception`."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connection."""

    @abstractmethod
    def create_collection(self, schema: Any, index_params: Any, **kwargs: Any) -> None:
        """Makes the collection."""

    @abstractmethod
    def insert(self, data: Any) -> dict[str, Any]:
        """Inserts rows."""

    @abstractmethod
    def upsert(self, data: Any) -> dict[str, Any]:
        """Inserts rows, or replaces those with the same ids."""

    @abstractmethod
    def search(
        self,
        data: Any,
        anns_field: str,
        limit: int,
        filter: str = "",
        search_params: Any = None,
        output_fields: list[str] | None = None,
        calculate_recall: bool = False,
        ground_truth: Any = None,
    ) -> dict[str, Any]:
        """Looks for the rows nearest to each of the vectors `data`."""

    @abstractmethod
    def hybrid_search(
        self, reqs: Any, ranker: Any, limit: int, output_fields: list[str] | None = None
    ) -> dict[str, Any]:
        """Does several searches and ranks what they find."""

    @abstractmethod
    def query(self, filter: str, output_fields: list[str] | None = None) -> dict[str, Any]:
        """Reads the rows that match."""

    @abstractmethod
    def delete(self, filter: str) -> dict[str, Any]:
        """Deletes the rows that match."""


class MilvusV2Client(BaseClient):
    """A `MilvusClient` for one collection. What looks for something also says whether the answer was `empty`, which
    is no success."""

    def __init__(
        self,
        uri: str,
        collection_name: str,
        token: str = "root:Milvus",
        db_name: str = "default",
        timeout: int = 60,
    ) -> None:
        self.uri = uri
        self.collection_name = collection_name
        self.token = token
        self.db_name = db_name
        self.timeout = timeout
        self.client = MilvusClient(uri=uri, token=token, db_name=db_name, timeout=timeout)

    def close(self) -> None:
        self.client.close()

    def create_collection(self, schema: Any, index_params: Any, **kwargs: Any) -> None:
        self.client.create_collection(
            collection_name=self.collection_name, schema=schema, index_params=index_params, **kwargs
        )

    def insert(self, data: Any) -> dict[str, Any]:
        return timed(lambda: self.client.insert(collection_name=self.collection_name, data=data))

    def upsert(self, data: Any) -> dict[str, Any]:
        return timed(lambda: self.client.upsert(collection_name=self.collection_name, data=data))

    def search(
        self,
        data: Any,
        anns_field: str,
        limit: int,
        filter: str = "",
        search_params: Any = None,
        output_fields: list[str] | None = None,
        calculate_recall: bool = False,
        ground_truth: Any = None,
    ) -> dict[str, Any]:
        """See `BaseClient`; with `calculate_recall` also `recall`, the share of the ids in `ground_truth` (the best
        first) that was found."""

        def describe(result: Any) -> dict[str, Any]:
            found = _found_any(result)
            if calculate_recall and ground_truth is not None and not found["empty"]:
                found["recall"] = self.get_recall(result, ground_truth, limit)
            return found

        return timed(
            lambda: self.client.search(
                collection_name=self.collection_name,
                data=data,
                anns_field=anns_field,
                filter=filter,
                limit=limit,
                search_params=search_params,
                output_fields=_or_id(output_fields),
            ),
            describe,
        )

    def hybrid_search(
        self, reqs: Any, ranker: Any, limit: int, output_fields: list[str] | None = None
    ) -> dict[str, Any]:
        return timed(
            lambda: self.client.hybrid_search(
                collection_name=self.collection_name,
                reqs=reqs,
                ranker=ranker,
                limit=limit,
                output_fields=_or_id(output_fields),
                timeout=self.timeout,
            ),
            _found_any,
        )

    @staticmethod
    def get_recall(search_results: Any, ground_truth: Any, limit: int | None = None) -> float:
        """The share of the first `limit` ids of `ground_truth` among the hits of the first vector; 0.0 if there are
        fewer than `limit`, or if the results have another form."""
        try:
            hits = search_results[0] if isinstance(search_results[0], list) else search_results
            found = [hit.get("id") for hit in hits if hasattr(hit, "get")]
            count = len(found) if limit is None else limit
            if len(ground_truth) < count:
                return 0.0
            wanted = set(ground_truth[:count])
            return len(wanted.intersection(found)) / len(wanted)
        except (TypeError, LookupError, ZeroDivisionError):
            return 0.0

    def query(self, filter: str, output_fields: list[str] | None = None) -> dict[str, Any]:
        return timed(
            lambda: self.client.query(
                collection_name=self.collection_name, filter=filter, output_fields=_or_id(output_fields)
            ),
            lambda rows: {"success": len(rows) > 0, "empty": len(rows) == 0},
        )

    def delete(self, filter: str) -> dict[str, Any]:
        return timed(lambda: self.client.delete(collection_name=self.collection_name, filter=filter))


def _or_id(output_fields: list[str] | None) -> list[str]:
    return ["id"] if output_fields is None else output_fields


def _found_any(per_vector: Any) -> dict[str, Any]:
    empty = not any(len(hits) for hits in per_vector)
    return {"success": not empty, "empty": empty}


class MilvusUser(User):
    """A user with a `MilvusV2Client`, whose arguments its constructor takes; with `schema` it makes the collection,
    to which further arguments go (`num_shards` and the like). Call the methods of the user, not those of its
    `client`: only the former are counted."""

    abstract = True

    def __init__(
        self,
        environment: Any,
        uri: str = "http://localhost:19530",
        token: str = "root:Milvus",
        collection_name: str = "test_collection",
        db_name: str = "default",
        timeout: int = 60,
        schema: CollectionSchema | None = None,
        index_params: IndexParams | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(environment)
        for name, value in (("uri", uri), ("collection_name", collection_name)):
            if value is None:
                raise ValueError(f"'{name}' must be provided for MilvusUser")
        self.client_type = "milvus"
        self.client = MilvusV2Client(
            uri=uri, token=token, collection_name=collection_name, db_name=db_name, timeout=timeout
        )
        if schema is not None:
            self.client.create_collection(schema=schema, index_params=index_params, **kwargs)

    _fire_event = staticmethod(fire)

    @staticmethod
    def _fire_recall_event(request_type: str, name: str, outcome: dict[str, Any]) -> None:
        """Reports a recall in place of a time: in percent, where others have milliseconds."""
        events.request.fire(
            request_type=request_type,
            name=name,
            response_time=int(outcome.get("recall", 0.0) * 100),
            response_length=outcome.get("retrieved_count", 0),
            exception=outcome.get("exception"),
        )

    def _counted(self, name: str, outcome: dict[str, Any]) -> dict[str, Any]:
        self._fire_event(self.client_type, name, outcome)
        return outcome

    def insert(self, data: Any) -> dict[str, Any]:
        """As `MilvusV2Client.insert`, and counted."""
        return self._counted("insert", self.client.insert(data))

    def upsert(self, data: Any) -> dict[str, Any]:
        """As `MilvusV2Client.upsert`, and counted."""
        return self._counted("upsert", self.client.upsert(data))

    def search(
        self,
        data: Any,
        anns_field: str,
        limit: int,
        filter: str = "",
        search_params: Any = None,
        output_fields: list[str] | None = None,
        calculate_recall: bool = False,
        ground_truth: Any = None,
    ) -> dict[str, Any]:
        """As `MilvusV2Client.search`, and counted; a recall is counted too, as a request named "recall"."""
        outcome = self.client.search(
            data,
            anns_field,
            limit,
            filter=filter,
            search_params=search_params,
            output_fields=output_fields,
            calculate_recall=calculate_recall,
            ground_truth=ground_truth,
        )
        self._counted("search", outcome)
        if calculate_recall and "recall" in outcome:
            self._fire_recall_event(self.client_type, "recall", outcome)
        return outcome

    def hybrid_search(
        self, reqs: Any, ranker: Any, limit: int, output_fields: list[str] | None = None
    ) -> dict[str, Any]:
        """As `MilvusV2Client.hybrid_search`, and counted."""
        return self._counted("hybrid_search", self.client.hybrid_search(reqs, ranker, limit, output_fields))

    def query(self, filter: str, output_fields: list[str] | None = None) -> dict[str, Any]:
        """As `MilvusV2Client.query`, and counted."""
        return self._counted("query", self.client.query(filter=filter, output_fields=output_fields))

    def delete(self, filter: str) -> dict[str, Any]:
        """As `MilvusV2Client.delete`, and counted."""
        return self._counted("delete", self.client.delete(filter))

    def on_stop(self) -> None:
        self.client.close()
