"""The pages as a site: it is built without a warning, asks nobody else for anything, and leads nowhere that is not there. And what the
pages say of messages."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from servers import ROOT


class Links(HTMLParser):
    """What a page points at, what it loads, and the places in it that have a name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.names |= {given.get("id") or "", given.get("name") or ""}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        elif given.get("src") or (tag == "link" and given.get("rel") != "canonical"):
            self.loaded.append(given.get("src") or given.get("href") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", place], capture_output=True, text=True, timeout=100
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "No issues found" in said, said
    yield place / "site"


def test_each_page_is_listed():
    listed = {
        page
        for section in tomllib.loads((ROOT / "docs" / "pages.toml").read_text())["section"]
        for page in section["pages"]
    }
    kept = {path for path in (ROOT / "docs").rglob("*.md")}
    known = {path for page in listed for path in ROOT.glob(page)}
    assert kept - known == set(), "docs/pages.toml says where they stand, and what they are about"
    assert all((ROOT / page).exists() for page in listed if "*" not in page)


def test_nothing_leads_nowhere_and_nothing_comes_from_elsewhere(site: Path):
    pages = {path: Links(path.read_text()) for path in site.rglob("*.html")}
    assert len(pages) > 40
    for path, page in pages.items():
        for target in page.loaded:
            assert not re.match(r"(https?:)?//", target), f"{path.name} loads {target}"
        # The page of what is not found has addresses from the root on, for wherever it is shown.
        for link in page.links if path.name != "404.html" else []:
            target, name = urldefrag(html.unescape(link))
            if re.match(r"[a-z]+:", target):
                continue
            place = (path.parent / unquote(target)).resolve() if target else path
            place = place / "index.html" if place.is_dir() else place
            assert place.exists(), f"{path.relative_to(site)}: {link}"
            if name and place in pages:
                assert unquote(name) in pages[place].names | {"__"}, f"{path.relative_to(site)}: {link}"


def test_it_can_be_searched(site: Path):
    index = json.dumps(json.loads((site / "search.json").read_text()))
    for words in ("coordinated omission", "LOCUST_CLUSTER_TOKEN", "har2locust", "gregaria_hub_lag_seconds"):
        assert words in index, words


def test_fences_lose_what_they_tell_the_tests(site: Path):
    for path in [*site.rglob("*.html"), *site.rglob("*.md")]:
        assert "not-run=" not in path.read_text(), path


def test_llms_txt_lists_the_same_pages(site: Path):
    text = (site / "llms.txt").read_text()
    assert text.startswith("# gregaria\n\n> ")
    links = re.findall(r"^- \[[^\]]+\]\(([^)]+)\): .+$", text, re.MULTILINE)
    assert len(links) > 35 and len(set(links)) == len(links)
    assert all((site / link).read_text().startswith("# ") for link in links)
    assert (site / "llms-full.txt").stat().st_size > 150_000


def source() -> str:
    """All that can say something, without the breaks in its texts."""
    folders = [ROOT / "crates", ROOT / "python" / "locust", ROOT / "python" / "gregaria"]
    files = [
        path for folder in folders for ending in ("rs", "py", "html") for path in folder.rglob(f"*.{ending}")
    ]
    text = "\n".join(path.read_text() for path in files if "tests" not in path.parts)
    text = re.sub(r"\\\n\s*", "", text)  # Rust's
    text = re.sub(r"(\"|')\s*\n\s*[rf]?\1", "", text)  # Python's
    return text.replace('\\"', '"').replace("\\'", "'")


def test_each_message_of_the_troubleshooting_page_is_still_in_the_code():
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    cells = [row.split("|")[1] for row in re.findall(r"^\|[^-].*$", text, re.MULTILINE)]
    messages = [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]
    messages = [message for message in messages if not message.startswith("/")]
    assert len(messages) > 35
    said = source()
    for message in messages:
        for part in message.split("…"):
            assert part.strip(" '") in said, f"nobody says {message!r} any more"
