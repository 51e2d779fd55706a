"""Servers for the tests: the test kit's, started once per session."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import TestkitServer

# A job that a shell started in the background inherits SIGINT as ignored, and so would every program under test.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part", metavar="I/N", help="of the tests found, only every N-th from the I-th on (scripts/pytests)"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    part = config.getoption("--part")
    if part:
        index, count = (int(number) for number in part.split("/"))
        mine = items[index - 1 :: count]
        config.hook.pytest_deselected(items=[item for item in items if item not in mine])
        items[:] = mine


@pytest.fixture(scope="session")
def blog() -> Iterator[TestkitServer]:
    with TestkitServer("blog") as server:
        yield server


@pytest.fixture(scope="session")
def delay() -> Iterator[TestkitServer]:
    with TestkitServer("delay") as server:
        yield server


@pytest.fixture(scope="session")
def misbehave() -> Iterator[TestkitServer]:
    with TestkitServer("misbehave") as server:
        yield server


@pytest.fixture(scope="session")
def misbehave_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestkitServer, Path]]:
    """The misbehaving server over TLS, and the file of the authority that signed its certificate."""
    folder = tmp_path_factory.mktemp("tls")
    with TestkitServer("misbehave", "--tls", str(folder)) as server:
        yield server, folder / "ca.pem"
