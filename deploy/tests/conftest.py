"""The test kit's blog, as for all other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers import TestkitServer


@pytest.fixture(scope="session")
def blog() -> Iterator[TestkitServer]:
    with TestkitServer("blog") as server:
        yield server
