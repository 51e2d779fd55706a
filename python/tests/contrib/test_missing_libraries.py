"""Modules of locust.contrib whose library is not installed say which extra brings it, and can be tried for."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib

import pytest

from servers import ROOT, clean_environment

# module: (its extra, what is made to be missing)
MODULES = {
    "dns": ("dns", "dns"),
    "milvus": ("milvus", "pymilvus"),
    "mongodb": ("mongodb", "pymongo"),
    "mqtt": ("mqtt", "paho"),
    "oai": ("openai", "openai"),
    "postgres": ("postgres", "psycopg"),
    "qdrant": ("qdrant", "qdrant_client"),
    "socketio": ("socketio", "socketio"),
}
SCRIPT = """
import importlib.abc, json, sys
missing = sys.argv[2]

class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == missing or name == "grpc":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nothing())
try:
    __import__(f"locust.contrib.{sys.argv[1]}")
except ImportError as e:
    print(json.dumps([type(e).__name__, e.name, str(e)]))
"""


@pytest.mark.parametrize("module", MODULES)
def test_a_missing_library_names_its_extra(module: str):
    extra, library = MODULES[module]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, module, library],
        env=clean_environment(OPENAI_API_KEY="none"),
        capture_output=True,
        text=True,
        timeout=30,
    )
    kind, name, text = json.loads(done.stdout)
    assert kind == "ModuleNotFoundError"
    assert name in (library, "grpc")
    assert text == (
        f"No module named {name!r}: locust.contrib.{module} needs it. "
        f"Install it with: pip install 'gregaria[{extra}]'"
    )


def test_every_extra_that_is_named_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {extra for extra, _ in MODULES.values()} | {"otel", "test"} == set(extras)
