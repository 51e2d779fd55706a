"""The pages: what they point at is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from servers import ROOT

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[str]:
    """All Markdown that is kept here, or will be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    return [name for name in listed if (ROOT / name).exists()]


def anchors(page: Path) -> set[str]:
    """How GitHub names the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return set(plain)


@pytest.mark.parametrize(
    "name", [name for name in pages() if not name.startswith(("compat/golden", "compat/suites"))]
)
def test_links_lead_somewhere(name: str):
    page = ROOT / name
    # Code is no link.
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for link in LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{name}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name}: {link} ({sorted(anchors(target))})"


def test_what_is_below_deploy_has_a_row_that_says_what_evaluated_it():
    table = (ROOT / "docs" / "deploying.md").read_text().partition("## What was tried")[2]
    rows = [row for row in re.findall(r"^\| `([^`]+)`", table, re.MULTILINE) if row.startswith("deploy/")]
    kept = [
        path
        for path in (ROOT / "deploy").rglob("*")
        if path.is_file() and "tests" not in path.parts and path.suffix != ".pyc"
    ]
    assert len(kept) > 8
    names = r"ONLY PARSED|What has tried|`make |in the tests|see Chart\.yaml"
    for path in kept:
        # Beside it, as well: in its first lines.
        assert re.search(names, "\n".join(path.read_text().splitlines()[:10])), (
            f"{path}: who has evaluated it?"
        )
        name = path.relative_to(ROOT)
        assert any(name.match(row) or name.as_posix().startswith(row) for row in rows if row != "deploy/"), (
            name
        )
