"""`make docs`: the pages as a site, and llms.txt, out of docs/pages.toml into target/docs/site. Needs no network.

Zensical makes the site: it is kept up by those who wrote Material for MkDocs (whose own base has had no release for two years), brings its
search along as a file, asks no other server for anything, and ends with an error where a link leads nowhere.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOME = "README.md"
SUMMARY = "Load tests written as plain Python, run by a Rust engine. Runs unmodified Locust scripts."
# `](target)` of links and pictures; what stands in code is no link.
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^( *```[\w+-]+) .*$", re.MULTILINE)


def sections() -> list[tuple[str, dict[str, str]]]:
    """Titles, and the pages below them with a word on each."""
    listed = tomllib.loads((ROOT / "docs" / "pages.toml").read_text())["section"]
    return [(section["title"], dict(_pages(section["pages"]))) for section in listed]


def _pages(listed: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Each page; a pattern stands for all that it finds."""
    for pattern, words in listed.items():
        found = sorted(ROOT.glob(pattern)) if "*" in pattern else [ROOT / pattern]
        for page in found:
            yield page.relative_to(ROOT).as_posix(), words


def title_of(text: str) -> str:
    return re.search(r"^# (.+)$", text, re.MULTILINE).group(1)


class Stage:
    """A copy of what the site is made of, laid out as the repository is, so that links between files stay as they are."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.pages = [HOME, *(page for _, pages in sections() for page in pages)]
        shutil.rmtree(place, ignore_errors=True)

    def lay(self) -> None:
        for page in self.pages:
            self._write(page, self.text(page))

    def text(self, page: str) -> str:
        """A page without what its fences tell the tests, and with links that a site can follow."""
        text = (ROOT / page).read_text()
        linked = CODE.split(text)
        codes = CODE.findall(text)
        linked = [LINK.sub(lambda link: self._link(page, link), part) for part in linked]
        whole = linked[0] + "".join(code + rest for code, rest in zip(codes, linked[1:], strict=True))
        return FENCE.sub(r"\1", whole)

    def _link(self, page: str, link: re.Match[str]) -> str:
        path, hash_sign, anchor = link.group(2).partition("#")
        if not path or re.match(r"[a-z]+:", path):
            return link.group()
        name = Path(os.path.relpath((ROOT / page).parent / path, ROOT)).as_posix()
        if (ROOT / name).is_dir():
            self._folder(name)
            path = path.rstrip("/") + "/" + ("README.md" if f"{name}/README.md" in self.pages else "index.md")
        elif name not in self.pages:
            if name.endswith(".md"):  # not a page of the site: as a file
                self._write(f"{name}.txt", (ROOT / name).read_text())
                path, hash_sign, anchor = f"{path}.txt", "", ""
            else:
                (self.place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.place / name)
        return f"{link.group(1)}{path}{hash_sign}{anchor}{link.group(3)}"

    def _folder(self, name: str) -> None:
        """A page that lists a folder's files."""
        kept = subprocess.run(
            ["git", "ls-files", name], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        lines = []
        for file in kept:
            inside = file.removeprefix(f"{name}/")
            if file not in self.pages:
                self._write(f"{file}.txt", (ROOT / file).read_text(errors="replace"))
                inside = f"{inside}.txt"
            lines.append(f"* [{inside.removesuffix('.txt')}]({inside})")
        self._write(f"{name}/index.md", "\n".join([f"# {name}", "", *lines, ""]))

    def _write(self, name: str, text: str) -> None:
        (self.place / name).parent.mkdir(parents=True, exist_ok=True)
        (self.place / name).write_text(text)


def configuration(stage: Stage, site: Path) -> str:
    """What Zensical is told. JSON's texts and lists are TOML's, too."""
    nav = [f'{{"Home" = {json.dumps(HOME)}}}']
    for title, pages in sections():
        inside = ", ".join(
            f"{{{json.dumps(title_of((ROOT / page).read_text()))} = {json.dumps(page)}}}" for page in pages
        )
        nav.append(f"{{{json.dumps(title)} = [{inside}]}}")
    listed = ",\n    ".join(nav)
    return f"""[project]
site_name = "gregaria"
site_description = {json.dumps(SUMMARY)}
docs_dir = {json.dumps(stage.place.name)}
site_dir = {json.dumps(site.name)}
use_directory_urls = false
nav = [
    {listed},
]
[project.theme]
font = false
features = ["content.code.copy", "navigation.indexes", "navigation.sections", "search.highlight", "toc.follow"]
[[project.theme.palette]]
media = "(prefers-color-scheme)"
[project.markdown_extensions.attr_list]
[project.markdown_extensions.tables]
[project.markdown_extensions.toc]
permalink = true
[project.markdown_extensions.pymdownx.highlight]
[project.markdown_extensions.pymdownx.superfences]
"""


def write_for_models(stage: Stage, site: Path) -> None:
    """llms.txt (https://llmstxt.org), the pages that it points at, and all of them in one file."""
    lines = [f"# gregaria\n\n> {SUMMARY}\n"]
    full = [stage.text(HOME)]
    for title, pages in sections():
        lines.append(f"\n## {title}\n")
        for page, words in pages.items():
            text = stage.text(page)
            lines.append(f"- [{title_of(text)}]({page}): {words}")
            full.append(text)
    for page in stage.pages:
        (site / page).parent.mkdir(parents=True, exist_ok=True)
        (site / page).write_text(stage.text(page))
    (site / "llms.txt").write_text("\n".join(lines) + "\n")
    (site / "llms-full.txt").write_text("\n\n---\n\n".join(full))


def main() -> int:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "target" / "docs"
    place.mkdir(parents=True, exist_ok=True)
    site = place / "site"
    stage = Stage(place / "pages")
    stage.lay()
    (place / "zensical.toml").write_text(configuration(stage, site))
    done = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict", "--clean"],
        cwd=place, env=os.environ | {"NO_COLOR": "1"},
    )  # fmt: skip
    if done.returncode:
        return done.returncode
    write_for_models(stage, site)
    print(f"The site is in {os.path.relpath(site)}: open index.html, or serve it for its search:")
    print(f"  python3 -m http.server --bind 127.0.0.1 --directory {os.path.relpath(site)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
