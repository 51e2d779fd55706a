"""Texts that servers under test can have made are text in all that a run writes."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

from servers import clean_environment, locust_command

ODD = [
    '=HYPERLINK("http://evil.example")',
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "]]><boom/>",
    "\x1b[31mred",
    "\u202egnp.exe",
    "a|b`c`",
    "@SUM(1)",
]
SCRIPT = f"""
from locust import User, constant, task

ODD = {ODD!r}

class Talker(User):
    wait_time = constant(0.1)

    @task
    def talk(self):
        for text in ODD:
            self.environment.events.request.fire(
                request_type="GET", name=text, response_time=1, response_length=1, exception=ValueError(text), context={{}}
            )
        raise RuntimeError(ODD[2])
"""


def test_what_a_server_says_is_text_in_every_output(tmp_path: Path):
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    ended = subprocess.run(
        [locust_command(), "--headless", "-t", "1s", "--only-summary", "-H", f"http://{ODD[2]}", "--html", "r.html",
         "--junit", "r.xml", "--summary-md", "r.md", "--csv", "r", "--json-file", "r", "--no-store"],
        cwd=tmp_path, env=clean_environment(HOME=str(tmp_path)), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    html = (tmp_path / "r.html").read_text()
    assert "alert(1)</script>" not in html and "<img src=x" not in html and "\x1b" not in html
    data = json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.S)[1])  # type: ignore[index]
    assert {name["name"] for name in data["run"]["names"]} == set(ODD)
    cases = ET.parse(tmp_path / "r.xml").getroot().iter("testcase")
    named = {case.get("name", "") for case in cases}
    for text in ODD:
        assert any(text.replace("\x1b", "") in name.replace("\ufffd", "") for name in named), (text, named)
    # What stands between backticks is text.
    markdown = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", "", (tmp_path / "r.md").read_text())
    assert "<img" not in markdown and "<script" not in markdown and "\x1b" not in markdown
    # As they came: programs read these. What a spreadsheet makes of a leading "=" is said in docs/threat-model.md.
    with (tmp_path / "r_stats.csv").open(newline="") as file:
        assert set(ODD) <= {row["Name"] for row in csv.DictReader(file)}
    assert set(ODD) <= {row["name"] for row in json.loads((tmp_path / "r.json").read_text())}
