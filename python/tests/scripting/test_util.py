"""locust.util beyond the golden data."""

import pytest

from locust.util.cache import memoize
from locust.util.directory import get_abspaths_in
from locust.util.exception_handler import retry


def test_files_come_in_the_same_order_everywhere(tmp_path):
    for path in ("z.py", "a.py", "m/b.py", "b/c.py", "b/_no.py", "b/d.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    assert get_abspaths_in(str(tmp_path), ".py") == [
        str(tmp_path / p) for p in ("a.py", "z.py", "b/c.py", "m/b.py")
    ]
    assert str(tmp_path / "b/d.txt") in get_abspaths_in(str(tmp_path))


def test_an_exception_is_not_memoized():
    calls = []

    @memoize(60)
    def fails():
        calls.append(1)
        raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):
            fails()
    assert len(calls) == 2


def test_none_is_memoized():
    calls = []

    @memoize(60)
    def nothing():
        calls.append(1)

    assert nothing() is nothing() is None
    assert len(calls) == 1


def test_retry_keeps_the_name_of_the_function():
    @retry(delays=())
    def named():
        """Documented."""

    assert (named.__name__, named.__doc__) == ("named", "Documented.")
