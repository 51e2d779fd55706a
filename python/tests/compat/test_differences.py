"""compat/differences.toml follows its form, and COMPATIBILITY.md is what is generated from it and the scoreboard."""

from __future__ import annotations

from pathlib import Path

import pytest

from servers import ROOT
from suites import record, render
from suites.differences import DifferencesError, load

FILE = ROOT / "compat" / "differences.toml"

GOOD = """
[[difference]]
id = "one-thing"
area = "users"
locust = "does this"
ours = "does that"
why = "because"
test = "compat/guide.md::SIGTERM ends a run like Ctrl-C"
"""
CASE = "compat/guide.md::SIGTERM ends a run like Ctrl-C"


def test_every_entry_is_well_formed_and_its_test_exists() -> None:
    assert load(FILE, ROOT)


def test_compatibility_md_is_what_the_generator_writes() -> None:
    page = render.page(record.read(ROOT / "compat" / "scoreboard.json"), load(FILE, ROOT))
    assert (ROOT / "COMPATIBILITY.md").read_text() == page, "run 'scripts/compat --render'"


def test_a_good_entry_is_read(tmp_path: Path) -> None:
    path = tmp_path / "differences.toml"
    path.write_text(GOOD + 'restore = "--old"\n')
    (entry,) = load(path, ROOT)
    assert (entry.id, entry.tests, entry.restore, entry.todo) == (
        "one-thing",
        (CASE,),
        "--old",
        False,
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (GOOD + GOOD, "one-thing: 2 entries have this id"),
        (GOOD.replace("one-thing", "One_Thing"), "kebab-case"),
        (GOOD.replace('"users"', '"cooking"'), "the area must be one of users"),
        (GOOD.replace('why = "because"', ""), "needs 'why' and 'test'"),
        (GOOD.replace('ours = "does that"', ""), "has no 'ours'"),
        (GOOD + 'colour = "red"\n', "unknown key 'colour'"),
        (GOOD + 'state = "done"\n', "the only state is 'todo'"),
        (GOOD.replace(CASE, "compat/nothing.md::Case"), "no test 'compat/nothing.md::Case'"),
        (GOOD.replace(CASE, "compat/guide.md::No such case"), "no test"),
        (GOOD.replace(CASE, "compat/guide.md"), "no test 'compat/guide.md'"),
        (GOOD.replace(CASE, "python/tests/compat"), "no test 'python/tests/compat'"),
        # Named in the file, but no test of its own.
        (GOOD.replace(CASE, "python/tests/compat/test_differences.py::GOOD"), "no test"),
        (GOOD.replace(CASE, "crates/http/tests/it/tls.rs::unwrap"), "no test"),
        (
            GOOD.replace(CASE, "python/tests/compat/test_differences.py::" + "not_" * 3 + "there"),
            "no test",
        ),
        (GOOD.replace("does this", "does | this"), "becomes a cell of a table"),
        ("[[entry]]\nid = 1\n", "unknown table 'entry'"),
        ("id = ", "differences.toml:"),
    ],
)
def test_a_malformed_entry_is_refused(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "differences.toml"
    path.write_text(text)
    with pytest.raises(DifferencesError, match=fault):
        load(path, ROOT)


def test_a_test_may_be_named_inside_a_file(tmp_path: Path) -> None:
    path = tmp_path / "differences.toml"
    named = (
        "python/tests/compat/test_differences.py::test_a_test_may_be_named_inside_a_file",
        "crates/http/tests/it/responses.rs::a_head_without_end_is_too_large",
    )
    for here in named:
        path.write_text(GOOD.replace(CASE, here))
        assert load(path, ROOT)[0].tests == (here,)


def test_every_entry_of_the_toml_stands_on_the_page() -> None:
    page = (ROOT / "COMPATIBILITY.md").read_text()
    for entry in load(FILE, ROOT):
        assert entry.locust.replace("|", "\\|") in page
