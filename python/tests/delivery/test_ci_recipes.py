"""The recipes of docs/ci.md, run: their own lines, by programs of others where there are some, against the sample blog. Each of them
with thresholds that hold, and with one that does not."""

from __future__ import annotations

import re
import shutil
import xml.etree.ElementTree as ET
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import ci_tools
from installs import libraries, our_wheel
from servers import ROOT, TestkitServer
from snippets import of_page

SYSTEMS = ("github", "gitlab", "azure", "jenkins")
BROKEN = "p95 < 0.001ms"


def recipe(system: str) -> str:
    """The one of that system, with a run of a second."""
    wanted = {
        "github": "vendor.github-workflows",
        "gitlab": "vendor.gitlab-ci",
        "azure": "vendor.azure-pipelines",
    }
    found = [
        one.text
        for one in of_page(ROOT / "docs" / "ci.md")
        if (one.language == "groovy" if system == "jenkins" else one.words.get("schema") == wanted[system])
    ]
    (text,) = found
    shortened = text.replace("-u 50 -r 5 -t 5m", "-u 2 -r 2 -t 1s")
    assert shortened != text, "the recipe's load is not the one that is made short here"
    return shortened


class Place:
    """A checkout with a locustfile, and an index of packages that has the program."""

    def __init__(self, folder: Path, url: str, wheels: Path) -> None:
        self.folder, self.url = folder, url
        folder.mkdir()
        shutil.copy(ROOT / "examples" / "basic.py", folder / "locustfile.py")
        # The program comes from here rather than from the network, and so does what it needs.
        self.environment = {
            "PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_FIND_LINKS": str(wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore",
        }  # fmt: skip

    def kept(self, name: str) -> Path:
        (found,) = [
            path
            for path in (self.folder / name, *self.folder.glob(f".gitlab-ci-local/artifacts/*/{name}"))
            if path.exists()
        ][-1:]
        return found


def github(place: Place, text: str) -> int:
    (job,) = ci_tools.load(text)["jobs"].values()
    steps = ci_tools.expanded(job["steps"], {"vars.STAGING_URL": place.url})
    summary = place.folder / "summary.md"
    code = 0
    for step in steps:
        if "run" in step and not code:
            environment = place.environment | step.get("env", {}) | {"GITHUB_STEP_SUMMARY": str(summary)}
            done = ci_tools.on_github(step["run"], place.folder, environment)
            code = done.returncode
            assert code in (0, 3), done.stdout
        elif "upload-artifact" in step.get("uses", ""):
            assert step["if"] == "always()"
            assert all((place.folder / path).stat().st_size for path in step["with"]["path"].split())
    assert re.search(r"^\|.*GET.*\|$", summary.read_text(), re.MULTILINE)
    return code


def gitlab(place: Place, text: str) -> int:
    (place.folder / ".gitlab-ci.yml").write_text(text)
    done = ci_tools.on_gitlab(
        place.folder, place.environment, STAGING_URL=place.url, CI_PIPELINE_SOURCE="merge_request_event"
    )
    (code,) = re.findall(r"load-test finished in .*?(?:FAIL +(\d+) *)?$", done.stdout, re.MULTILINE) or [
        done.stdout
    ]
    assert (done.returncode != 0) == bool(code), done.stdout
    return int(code or 0)


def azure(place: Place, text: str) -> int:
    install, load = ci_tools.on_azure(text, place.folder, place.environment | {"stagingUrl": place.url})
    assert install == 0
    return load


def jenkins(place: Place, text: str) -> int:
    file = place.folder / "Jenkinsfile"
    file.write_text(text)
    said = ci_tools.jenkinsfile(file)
    assert ci_tools.of_jenkins(said, "agent", "docker")[0]["given"][0].startswith("python:3")
    # It makes an environment of its own.
    environment = place.environment | {
        "STAGING_URL": place.url,
        "PYTHONPATH": str(libraries(place.folder / "libraries")),
    }
    code = 0
    for step in ci_tools.of_jenkins(said, "stages", "stage", "steps"):
        done = ci_tools.on_jenkins(step["given"][0], place.folder, environment)
        code = code or done.returncode
        assert code in (0, 3), done.stdout
    assert list((place.folder / ".venv" / "lib").glob("python3*/site-packages/locust/_engine.*"))
    after = {step["word"]: step["given"] for step in ci_tools.of_jenkins(said, "post", "always")}
    assert after == {
        "junit": ["junit.xml"],
        "archiveArtifacts": [{"artifacts": "report.html", "allowEmptyArchive": True}],
    }
    return code


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, blog: TestkitServer
) -> dict[tuple[str, str], tuple[Place, Future[int]]]:
    """All at once: most of their time is waiting."""
    folder = tmp_path_factory.mktemp("ci")
    wheels = folder / "wheels"
    our_wheel(wheels)
    found = {}
    with ThreadPoolExecutor(4) as pool:
        for system in SYSTEMS:
            for kind in ("holds", "breaks"):
                place = Place(folder / f"{system}-{kind}", blog.url, wheels)
                text = recipe(system)
                if kind == "breaks":
                    text = text.replace("p95 < 250ms", BROKEN)
                    assert BROKEN in text
                found[system, kind] = (place, pool.submit(globals()[system], place, text))
    return found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("kind, code", [("holds", 0), ("breaks", 3)])
def test_a_recipe_passes_and_fails_as_its_thresholds_do(
    system: str, kind: str, code: int, outcomes: dict[tuple[str, str], tuple[Place, Future[int]]]
):
    place, outcome = outcomes[system, kind]
    assert outcome.result() == code
    # What is kept of a run is there in both cases.
    assert place.kept("report.html").stat().st_size > 50_000
    suites = ET.parse(place.kept("junit.xml")).getroot()
    failed = [case.get("name") for case in suites.iter("testcase") if case.find("failure") is not None]
    assert [name for name in failed if BROKEN in (name or "")] == ([BROKEN] if kind == "breaks" else []), (
        failed
    )


@pytest.mark.parametrize("text, words", [
    ("pipeline { agent { docker { image 'x' } }\n stages { stage('a') { step { sh 'x' } } } }", "'step' does not belong into 'stage'"),
    ("pipeline { agent { docker { image 'x' } }", "expecting"),
])  # fmt: skip
def test_a_jenkinsfile_that_is_none_is_noticed(text: str, words: str, tmp_path: Path):
    file = tmp_path / "Jenkinsfile"
    file.write_text(text)
    with pytest.raises(ValueError, match=words):
        ci_tools.jenkinsfile(file)
