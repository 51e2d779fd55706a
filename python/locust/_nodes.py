"""What a master knows of its workers. Scripts import these names from `locust.runners`."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, ValuesView


class WorkerNode:
    """What a master knows of a worker."""

    def __init__(self, id: str, state: str = "ready", heartbeat_liveness: int = 3) -> None:
        self.id = id
        self.state = state
        self.heartbeat = heartbeat_liveness
        self.cpu_usage: float = 0
        self.cpu_warning_emitted = False
        self.memory_usage: int = 0
        # Its heartbeats are those of Locust itself.
        self.is_locusts_own = False
        self.user_classes_count: dict[str, int] = {}
        # What it says it is; unknown of an original Locust's before 2.0.
        self._version = ""
        # Names its locustfiles; unknown of an original Locust's.
        self._script = ""

    @property
    def user_count(self) -> int:
        """Users running on the worker, by its last report."""
        return sum(self.user_classes_count.values())


class WorkerNodes(MutableMapping[str, WorkerNode]):
    """The workers of a master by id. Iterating yields the ids."""

    def __init__(self) -> None:
        self._worker_nodes: dict[str, WorkerNode] = {}

    def get_by_state(self, state: str) -> list[WorkerNode]:
        """The workers in a state."""
        return [node for node in self.values() if node.state == state]

    @property
    def all(self) -> ValuesView[WorkerNode]:
        """All workers."""
        return self.values()

    @property
    def ready(self) -> list[WorkerNode]:
        """Workers that wait for a test."""
        return self.get_by_state("ready")

    @property
    def spawning(self) -> list[WorkerNode]:
        """Workers that are starting users."""
        return self.get_by_state("spawning")

    @property
    def running(self) -> list[WorkerNode]:
        """Workers that have started all their users."""
        return self.get_by_state("running")

    @property
    def missing(self) -> list[WorkerNode]:
        """Workers that were not heard of for too long."""
        return self.get_by_state("missing")

    def __setitem__(self, key: str, value: WorkerNode) -> None:
        self._worker_nodes[key] = value

    def __delitem__(self, key: str) -> None:
        del self._worker_nodes[key]

    def __getitem__(self, key: str) -> WorkerNode:
        return self._worker_nodes[key]

    def __len__(self) -> int:
        return len(self._worker_nodes)

    def __iter__(self) -> Iterator[str]:
        # A copy: workers come and go while somebody iterates.
        return iter(list(self._worker_nodes))
