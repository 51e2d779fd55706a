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
test = "compat/README.md"
"""


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
        ("compat/README.md",),
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
        (GOOD.replace("compat/README.md", "compat/nothing.md"), "no test 'compat/nothing.md'"),
        (GOOD.replace("compat/README.md", "compat/guide.md::No such case"), "no test"),
        (
            GOOD.replace(
                "compat/README.md", "python/tests/compat/test_differences.py::" + "not_" * 3 + "there"
            ),
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
    here = "python/tests/compat/test_differences.py::test_a_test_may_be_named_inside_a_file"
    path.write_text(GOOD.replace("compat/README.md", here))
    assert load(path, ROOT)[0].tests == (here,)


def test_every_entry_of_the_toml_stands_on_the_page() -> None:
    page = (ROOT / "COMPATIBILITY.md").read_text()
    for entry in load(FILE, ROOT):
        assert entry.locust.replace("|", "\\|") in page
