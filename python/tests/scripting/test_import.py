"""What `import locust` does to the process, and the versions."""

import json
import os
import re
import subprocess
import sys


def run_python(code, **env):
    """Runs `code` in a fresh interpreter and returns the JSON it prints."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, env={**clean, **env}
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


PATCHED = """
import json, queue, locust, gevent.monkey, gevent.queue, urllib3
pool_queue = urllib3.connectionpool.ConnectionPool.QueueCls
print(json.dumps([
    gevent.monkey.is_module_patched("socket"),
    pool_queue is gevent.queue.LifoQueue,
    pool_queue is queue.LifoQueue,
]))
"""


def test_patches_the_standard_library_and_urllib3():
    assert run_python(PATCHED)[:2] == [True, True]
    assert run_python(PATCHED, LOCUST_SKIP_MONKEY_PATCH="")[:2] == [True, True]
    # Locust takes this for a yes.
    assert run_python(PATCHED, LOCUST_SKIP_MONKEY_PATCH="0")[:2] == [True, True]


def test_leaves_urllib3_alone_when_told_to():
    patched, _, still_urllib3s_own = run_python(PATCHED, LOCUST_SKIP_URLLIB3_PATCH="1")
    assert patched and still_urllib3s_own


def test_patches_nothing_when_told_not_to():
    patched, is_gevents, still_urllib3s_own = run_python(PATCHED, LOCUST_SKIP_MONKEY_PATCH="yes, please")
    assert not patched and not is_gevents and still_urllib3s_own


def test_playwright_setting_without_trio_ends_the_process():
    hide_trio = "import sys; sys.modules['trio'] = None; import locust; print('went on')"
    env = {**os.environ, "LOCUST_PLAYWRIGHT": "1"}
    run = subprocess.run(
        [sys.executable, "-c", hide_trio], capture_output=True, text=True, timeout=30, env=env
    )
    assert run.returncode == 1
    assert "went on" not in run.stdout


def test_star_import_brings_every_public_name():
    names = run_python("import json\nfrom locust import *\nprint(json.dumps(sorted(globals())))")
    assert {"HttpUser", "FastHttpUser", "TaskSet", "task", "events", "wait_time", "__version__"} <= set(names)


def test_submodules_are_attributes_of_the_package():
    code = "import json, locust\nprint(json.dumps([n for n in {0!r} if not hasattr(locust, n)]))"
    modules = [
        *("argument_parser", "clients", "contrib", "debug", "dispatch", "env", "event"),
        *("exception", "log", "runners", "shape", "stats", "user", "util"),
    ]
    assert run_python(code.format(modules)) == []


def test_version_has_the_form_that_workers_and_plugins_parse():
    code = "import json, locust\nprint(json.dumps([locust.__version__, locust.__gregaria_version__]))"
    ours, own = run_python(code)
    assert re.fullmatch(r"2\.47\.\d+", ours)
    assert re.match(r"\d+\.\d+\.\d+", own)


def test_versions_are_consistent():
    code = (
        "import json\nfrom locust import _version as v\n"
        "print(json.dumps([v.version, v.__version__, v.version_tuple, v.__version_tuple__, v.commit_id]))"
    )
    version, dunder, parts, dunder_parts, commit = run_python(code)
    assert version == dunder == ".".join(map(str, parts)) == ".".join(map(str, dunder_parts))
    assert commit is None


def test_typing_marker_is_shipped():
    code = "import json, locust, os\nprint(json.dumps(os.listdir(os.path.dirname(locust.__file__))))"
    assert "py.typed" in run_python(code)
