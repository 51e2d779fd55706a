"""Requests to Qdrant by qdrant-client. Needs `pip install 'gregaria[qdrant]'`."""

from __future__ import annotations

from typing import Any

from locust import User

from ._extras import missing
from ._timed import fire, timed

try:
    from qdrant_client import QdrantClient
    from qdrant_client.models import VectorParams
except ModuleNotFoundError as e:
    raise missing("qdrant", e) from e


class QdrantLocustClient:
    """A `QdrantClient` for one collection. Its methods return a dict: `success`, `response_time` (ms), `result` or
    `exception`, and where something is looked for, whether the answer was `empty` (which is no success)."""

    def __init__(
        self, url: str, collection_name: str, api_key: str | None = None, timeout: int = 60, **kwargs: Any
    ) -> None:
        self.url = url
        self.collection_name = collection_name
        self.api_key = api_key
        self.timeout = timeout
        self.client = QdrantClient(url=url, api_key=api_key, timeout=timeout, **kwargs)

    def close(self) -> None:
        """Closes the connections."""
        self.client.close()

    def create_collection(self, vectors_config: Any, **kwargs: Any) -> None:
        """Makes the collection unless it exists."""
        if not self.client.collection_exists(collection_name=self.collection_name):
            self.client.create_collection(
                collection_name=self.collection_name, vectors_config=vectors_config, **kwargs
            )

    def upsert(self, points: Any) -> dict[str, Any]:
        """Inserts points, or replaces those with the same ids."""
        return timed(lambda: self.client.upsert(collection_name=self.collection_name, points=points))

    def search(
        self,
        query: Any,
        limit: int = 10,
        query_filter: Any = None,
        search_params: Any = None,
        with_payload: Any = True,
    ) -> dict[str, Any]:
        """Looks for the points nearest to `query`."""
        return timed(
            lambda: self.client.query_points(
                collection_name=self.collection_name,
                query=query,
                limit=limit,
                query_filter=query_filter,
                search_params=search_params,
                with_payload=with_payload,
            ),
            lambda result: _found(result.points),
        )

    def scroll(self, scroll_filter: Any = None, limit: int = 10, with_payload: Any = True) -> dict[str, Any]:
        """Reads points page by page; `next_offset` is where the next page begins."""
        return timed(
            lambda: self.client.scroll(
                collection_name=self.collection_name,
                scroll_filter=scroll_filter,
                limit=limit,
                with_payload=with_payload,
            ),
            lambda page: {**_found(page[0]), "result": page[0], "next_offset": page[1]},
        )

    def delete(self, points_selector: Any) -> dict[str, Any]:
        """Deletes the points with these ids, or those that match a filter."""
        return timed(
            lambda: self.client.delete(collection_name=self.collection_name, points_selector=points_selector)
        )


def _found(points: Any) -> dict[str, Any]:
    empty = len(points) == 0
    return {"success": not empty, "empty": empty}


class QdrantUser(User):
    """A user with a `QdrantLocustClient`. Give it the class attribute `collection_name`; with `vectors_config` the
    collection is made when the first user starts. Call the methods of the user, not those of its `client`: only the
    former are counted."""

    abstract = True

    url: str = "http://localhost:6333"
    api_key: str | None = None
    collection_name: str | None = None
    timeout: int = 60
    vectors_config: VectorParams | None = None
    client_kwargs: dict[str, Any] | None = None
    """Further arguments of `QdrantClient`."""
    collection_kwargs: dict[str, Any] | None = None
    """Further arguments of `QdrantClient.create_collection`."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.collection_name is None:
            raise ValueError("'collection_name' must be provided for QdrantUser")
        self.client_type = "qdrant"
        self.client = QdrantLocustClient(
            url=self.url,
            api_key=self.api_key,
            collection_name=self.collection_name,
            timeout=self.timeout,
            **(self.client_kwargs or {}),
        )
        if self.vectors_config is not None:
            self.client.create_collection(self.vectors_config, **(self.collection_kwargs or {}))

    _fire_event = staticmethod(fire)

    def _counted(self, name: str, outcome: dict[str, Any]) -> dict[str, Any]:
        self._fire_event(self.client_type, name, outcome)
        return outcome

    def upsert(self, points: Any) -> dict[str, Any]:
        """As `QdrantLocustClient.upsert`, and counted."""
        return self._counted("upsert", self.client.upsert(points))

    def search(
        self,
        query: Any,
        limit: int = 10,
        query_filter: Any = None,
        search_params: Any = None,
        with_payload: Any = True,
    ) -> dict[str, Any]:
        """As `QdrantLocustClient.search`, and counted."""
        outcome = self.client.search(
            query=query,
            limit=limit,
            query_filter=query_filter,
            search_params=search_params,
            with_payload=with_payload,
        )
        return self._counted("search", outcome)

    def scroll(self, scroll_filter: Any = None, limit: int = 10, with_payload: Any = True) -> dict[str, Any]:
        """As `QdrantLocustClient.scroll`, and counted."""
        outcome = self.client.scroll(scroll_filter=scroll_filter, limit=limit, with_payload=with_payload)
        return self._counted("scroll", outcome)

    def delete(self, points_selector: Any) -> dict[str, Any]:
        """As `QdrantLocustClient.delete`, and counted."""
        return self._counted("delete", self.client.delete(points_selector))

    def on_stop(self) -> None:
        self.client.close()
