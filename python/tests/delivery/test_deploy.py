"""What is below deploy/ and what the wheel brings for shells, tried by the programs that it is for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import hcl2
import pytest
import yaml

from ci_tools import NPM
from servers import ROOT, TOOLS, clean_environment, free_port

DEPLOY = ROOT / "deploy"
SHARE = ROOT / "python" / "data" / "data" / "share"


def said(*command: str | Path, **options: object) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done
    return done.stdout + done.stderr


@pytest.mark.parametrize("word, found", [
    ("--web-p", {"--web-port"}),
    ("--processes", {"--processes"}),
    ("--expect", {"--expect-workers", "--expect-workers-max-wait"}),
])  # fmt: skip
def test_bash_completes_what_the_table_has(word: str, found: set[str]):
    script = f'source "$1"; COMP_WORDS=(locust {word}); COMP_CWORD=1; _locust locust {word} locust; printf "%s\\n" "${{COMPREPLY[@]}}"'
    words = said("bash", "-c", script, "bash", SHARE / "bash-completion" / "completions" / "locust").split()
    assert set(words) == found


def test_bash_completes_the_words_of_an_option():
    script = 'source "$1"; COMP_WORDS=(locust --loglevel W); COMP_CWORD=2; _locust locust W --loglevel; echo "${COMPREPLY[@]}"'
    assert "WARNING" in said(
        "bash", "-c", script, "bash", SHARE / "bash-completion" / "completions" / "locust"
    )


def test_man_shows_the_page_without_a_warning():
    if shutil.which("man") is None:
        pytest.fail("man is missing (on Debian the package man-db)")
    page = SHARE / "man" / "man1" / "locust.1"
    shown = subprocess.run(
        ["man", "--warnings", "-Tutf8", "-l", page],
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (shown.returncode, shown.stderr) == (0, "")
    plain = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", shown.stdout)
    for words in ("--spawn-rate", "LOCUST_WEB_TOKEN", "EXIT STATUS", "Master options", "pyproject.toml"):
        assert words.casefold() in plain.casefold(), words


@pytest.mark.parametrize("unit", sorted(path.name for path in (DEPLOY / "systemd").glob("*.service")))
def test_systemd_understands_the_units(unit: str, tmp_path: Path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here: the unit was read by nobody")
    # It wants the program to be where the unit says.
    kept = (DEPLOY / "systemd" / unit).read_text()
    text = kept.replace("/srv/gregaria/venv/bin", str(Path(sys.executable).parent))
    (tmp_path / unit).write_text(text)
    assert said("systemd-analyze", "verify", "--man=no", tmp_path / unit) == ""
    (tmp_path / unit).write_text(text.replace("[Service]", "[Service]\nNoSuchKey=1"))
    assert "NoSuchKey" in said("systemd-analyze", "verify", "--man=no", tmp_path / unit)
    # What it starts is a command line of ours.
    (line,) = re.findall(r"^ExecStart=\S+/locust (.*)$", text, re.MULTILINE)
    from locust.argument_parser import get_parser

    parsed = get_parser(default_config_files=[]).parse_args(line.split())
    assert parsed.master != parsed.worker


def test_what_compose_names_is_there():
    text = (DEPLOY / "compose.yaml").read_text()
    mounted = re.findall(r"^ +(?:- |file: )(\./[\w./-]+)", text, re.MULTILINE)
    assert len(mounted) == 3
    for name in mounted:
        assert (DEPLOY / name).exists(), name
    (dockerfile,) = re.findall(r"dockerfile: (\S+)", text)
    assert (ROOT / "target" / "dist" / dockerfile).resolve() == DEPLOY / "docker" / "Dockerfile"
    uid = json.loads((DEPLOY / "grafana" / "gregaria.json").read_text())["uid"]
    assert uid == "gregaria"
    # What Grafana is told: the folder that compose.yaml mounts, and the service that it names.
    told = {
        path.name: yaml.safe_load(path.read_text()) for path in DEPLOY.glob("grafana/provisioning/*/*.yaml")
    }
    (dashboards,), (source,) = told["gregaria.yaml"]["providers"], told["prometheus.yaml"]["datasources"]
    assert f"gregaria.json:{dashboards['options']['path']}/gregaria.json:ro" in text
    assert source["url"] == "http://prometheus:9090" and "\n  prometheus:\n" in text


def lost(given: object, kept: object, place: str = "") -> list[str]:
    """What a model has not kept of what it was given: words that it does not know, or takes for something else."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [at for key, one in given.items() for at in lost(one, kept.get(key), f"{place}.{key}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [at for n, one in enumerate(given) for at in lost(one, kept[n], f"{place}[{n}]")]
    return [] if given == kept else [place]


def test_grafanas_own_model_knows_each_word_of_the_dashboard():
    from grafana_foundation_sdk.cog import plugins
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.models.dashboard import Dashboard

    plugins.register_default_plugins()

    def through(dashboard: object) -> object:
        return json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard)))

    given = json.loads((DEPLOY / "grafana" / "gregaria.json").read_text())
    assert len(given["panels"]) > 8 and lost(given, through(given)) == []
    panel = next(one for one in given["panels"] if one["type"] == "timeseries")
    for place, word in (
        (panel, "tittle"),
        (panel["targets"][0], "exprr"),
        (panel["fieldConfig"]["defaults"], "untt"),
    ):
        place[word] = "a word that nobody knows"
    assert {at.rpartition(".")[2] for at in lost(given, through(given))} == {"tittle", "exprr", "untt"}


@pytest.fixture
def composed(tmp_path: Path) -> dict[str, dict[str, object]]:
    """The services of deploy/compose.yaml, as podman-compose renders them; it asks podman only which one that is."""
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\necho podman version 5.0.0\n")
    podman.chmod(0o755)
    (tmp_path / "scripts").mkdir()
    said_by = subprocess.run(
        [TOOLS / "podman-compose", "-f", DEPLOY / "compose.yaml", "config"],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOCUSTFILE_DIR": str(tmp_path / "scripts")},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert said_by.returncode == 0, said_by.stderr
    return yaml.safe_load(said_by.stdout)["services"]


@contextmanager
def scraping(config: str, folder: Path) -> Iterator[Callable[[str], list[str]]]:
    """Debian's Prometheus with this configuration; gives what answers a query."""
    program = shutil.which("prometheus")
    assert program is not None, "prometheus is missing (on Debian the package prometheus)"
    port = free_port()
    (folder / "prometheus.yml").write_text(config)
    options = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address=127.0.0.1:{port}",
    ]

    def query(expression: str) -> list[str]:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/v1/query?query={expression}", timeout=20) as answer:
                return [one["value"][1] for one in json.load(answer)["data"]["result"]]
        except URLError:
            return []

    with subprocess.Popen(
        [program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            yield query
        finally:
            running.terminate()


def test_what_compose_starts_comes_up_and_its_health_check_says_so(
    composed: dict[str, dict[str, object]], tmp_path: Path
):
    assert set(composed) == {"master", "worker", "prometheus", "grafana"}
    assert composed["master"]["volumes"] == [f"{tmp_path}/scripts:/mnt/locust:ro"]
    (tmp_path / "scripts" / "locustfile.py").write_text(
        "from locust import User\nclass Idle(User):\n    tasks = [lambda user: None]\n"
    )
    for name in ("cluster_token", "web_token"):
        (tmp_path / name).write_text(f"{name}-of-this-test-a-long-one")
    web, cluster = str(free_port()), str(free_port())
    # What is elsewhere here than in a container.
    places = {"/mnt/locust": f"{tmp_path}/scripts", "/run/secrets": str(tmp_path), "8089": web}

    def here(text: str) -> str:
        for there, place in places.items():
            text = text.replace(there, place)
        return "127.0.0.1" if text == "master" else text

    def start(name: str, *more: str) -> subprocess.Popen[bytes]:
        service = composed[name]
        given = {key: here(value) for key, value in service["environment"].items()}
        words = [*map(here, service["command"]), *more]
        return subprocess.Popen(
            [TOOLS / "locust", *words], cwd=tmp_path, env=clean_environment(HOME=str(tmp_path), **given),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def until(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.1)

    kind, python, *words = composed["master"]["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    check = [sys.executable, *map(here, words)]
    assert subprocess.run(check, capture_output=True, timeout=60).returncode != 0, "nobody is there yet"
    with start(
        "master", "--web-host", "127.0.0.1", "--web-port", web, "--master-bind-port", cluster
    ) as master:
        try:
            until(lambda: subprocess.run(check, capture_output=True, timeout=60).returncode == 0)
            config = here((DEPLOY / "prometheus.yml").read_text()).replace("master:", "127.0.0.1:")
            with (
                scraping(config, tmp_path) as query,
                start("worker", "--master-port", cluster) as worker,
            ):
                try:
                    until(
                        lambda: (
                            json.load(urlopen(f"http://127.0.0.1:{web}/stats/requests", timeout=20))[
                                "worker_count"
                            ]
                            == 1
                        )
                    )
                    until(lambda: query("locust_workers_count") == ["1"])
                finally:
                    worker.terminate()
        finally:
            master.terminate()


def test_terraform_for_aws_is_whole():
    """Its provider cannot be had here, so nobody plans it; that each name it uses is declared, and used, can be seen all the same."""
    module = DEPLOY / "terraform" / "modules" / "aws"
    parsed = {path.name: hcl2.loads(path.read_text()) for path in module.glob("*.tf")}
    plain = {
        kind: {name.strip('"') for one in parsed[file][kind] for name in one}
        for kind, file in (("variable", "variables.tf"), ("output", "outputs.tf"))
    }
    text = "".join(path.read_text() for path in module.glob("*.tf"))
    assert set(re.findall(r"\bvar\.(\w+)", text)) == plain["variable"]
    # The names that Locust's example has.
    assert {"node_size", "loadtest_dir_source", "locust_plan_filename", "subnet_name"} <= plain["variable"]
    assert plain["output"] == {
        "leader_public_ip",
        "leader_private_ip",
        "nodes_public_ip",
        "nodes_private_ip",
        "dashboard_url",
    }
    (allowed,) = (
        one
        for one in parsed["variables.tf"]["variable"]
        for name in one
        if name.strip('"') == "allowed_cidrs"
    )
    assert "default" not in next(iter(allowed.values()))
    assert (
        "remote-exec" not in text
        and "from_port         = 22" not in text
        and text.count('http_tokens = "required"') == 2
    )
    of_node = hcl2.loads((module.parent / "node" / "variables.tf").read_text())
    known = {name.strip('"') for one in of_node["variable"] for name in one}
    for block in parsed["main.tf"]["module"]:
        for settings in block.values():
            assert {name for name in settings if not name.startswith("__")} - {"source"} <= known


def rendered(**values: object) -> dict[str, list[dict[str, object]]]:
    """The chart's objects by kind, as Helm's own library renders it."""
    import helm_python
    import yaml

    found: dict[str, list[dict[str, object]]] = {}
    with helm_python.Chart.load(DEPLOY / "helm" / "gregaria") as chart:
        files = chart.render(values=values, name="load", namespace="tests")
    for name, text in files.items():
        if name.endswith(".yaml"):
            for one in yaml.safe_load_all(text):
                if one:
                    found.setdefault(one["kind"], []).append(one)
    return found


WEB_FROM = [{"namespaceSelector": {"matchLabels": {"team": "load"}}}]


@pytest.mark.parametrize("values, kinds", [
    ({}, {"Secret": 1, "PodDisruptionBudget": 2, "NetworkPolicy": 2}),
    ({"metrics": {"enabled": True}, "networkPolicy": {"webFrom": WEB_FROM}},
     {"Secret": 1, "PodDisruptionBudget": 2, "NetworkPolicy": 2, "PodMonitor": 1}),
    ({"tokens": {"existingSecret": "mine"}, "disruptionBudget": {"enabled": False}}, {"NetworkPolicy": 2}),
])  # fmt: skip
def test_the_chart_makes_objects_that_kubernetes_knows(values: dict[str, object], kinds: dict[str, int]):
    import kubernetes_validate

    objects = rendered(**values)
    assert {kind: len(all_of) for kind, all_of in objects.items()} == kinds
    for one in (one for all_of in objects.values() for one in all_of if one["kind"] != "PodMonitor"):
        kubernetes_validate.validate(one, "1.30", strict=True)
    # A word that nobody knows is noticed.
    (policy, _) = objects["NetworkPolicy"]
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(policy | {"spec": policy["spec"] | {"ingres": []}}, "1.30", strict=True)


# The models of the Prometheus operator's objects say what is wrong with one.
MONITOR = """
import { readFileSync } from "node:fs";
import { PodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
new PodMonitor(JSON.parse(readFileSync(0, "utf8"))).validate();
"""


def test_the_charts_monitor_is_one_of_the_prometheus_operators():
    def validated(monitor: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", "--input-type=module", "-e", MONITOR],
            cwd=NPM.parent, input=json.dumps(monitor), capture_output=True, text=True, timeout=60,
        )  # fmt: skip

    (monitor,) = rendered(metrics={"enabled": True})["PodMonitor"]
    done = validated(monitor)
    assert done.returncode == 0, done.stderr
    # A word that it needs, and a kind of value, are noticed; a word that nobody knows is not.
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    endpoint["interval"] = 5
    assert "interval" in validated(monitor).stderr
    del monitor["spec"]["selector"]
    assert "selector" in validated(monitor).stderr


def test_the_charts_tokens_are_made_or_given_and_never_short():
    import base64

    import helm_python

    made = rendered()["Secret"][0]["data"]
    assert made.keys() == {"LOCUST_CLUSTER_TOKEN", "LOCUST_WEB_TOKEN"}
    assert len({base64.b64decode(value) for value in made.values()}) == 2
    assert all(len(base64.b64decode(value)) == 32 for value in made.values())
    given = rendered(tokens={"web": "x" * 30})["Secret"][0]["data"]
    assert base64.b64decode(given["LOCUST_WEB_TOKEN"]) == b"x" * 30
    with pytest.raises(helm_python.HelmError, match="LOCUST_WEB_TOKEN has fewer than 22 characters"):
        rendered(tokens={"web": "short"})
    assert not helm_python.lint(DEPLOY / "helm" / "gregaria", strict=True)["errors"]


def test_only_workers_reach_the_charts_master_and_only_who_is_named_its_page():
    master, worker = rendered(networkPolicy={"webFrom": WEB_FROM})["NetworkPolicy"]
    ways = [(way["from"], [port["port"] for port in way["ports"]]) for way in master["spec"]["ingress"]]
    assert ways == [([{"podSelector": {"matchLabels": {"component": "worker"}}}], [5557]), (WEB_FROM, [8089])]
    assert worker["spec"]["policyTypes"] == ["Ingress"] and not worker["spec"].get("ingress")
