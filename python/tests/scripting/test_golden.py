"""The scripts of compat/golden/scripting see the same with us as with real Locust."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[3] / "compat" / "golden" / "scripting"
SCRIPTS = sorted(path.stem for path in GOLDEN.glob("*.py") if path.stem not in ("observe", "record"))

# Where we differ on purpose (COMPATIBILITY.md): a user stopped in the wait that follows an error leaves its
# TaskSet by `on_stop` too, which Locust forgets.
LEAVES_PROPERLY = {"empty sequence", "stop and raise in a task"}
LAST_LINE = re.compile(r" … (Exception|locust\.exception\.LocustError): No tasks.*")
WITHOUT_FRAMES = ("no tasks", "task instead of tasks", "no tasks in a set", "empty sequence")


def with_deliberate_differences(script, golden):
    if script == "life":
        for case in LEAVES_PROPERLY:
            trace = golden[case]["trace"]
            assert trace[-1] == "U.on_stop" and "T.on_stop" not in trace
            trace.insert(-1, "T.on_stop")
        # A traceback without any frame of the script is left out.
        for case in WITHOUT_FRAMES:
            said = golden[case]["log"]
            assert any(LAST_LINE.search(line) for line in said)
            golden[case]["log"] = [LAST_LINE.sub("", line) for line in said]
    if script == "event_hooks":
        # An event that Locust does not have.
        for part in ("hooks", "hooks_of_subclass", "module_level"):
            golden[part] = sorted([*golden[part], "threshold"])
    return golden


@pytest.fixture(scope="module", params=SCRIPTS)
def seen_and_golden(request):
    script = GOLDEN / f"{request.param}.py"
    run = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    golden = json.loads(script.with_suffix(".json").read_text())
    return json.loads(run.stdout), with_deliberate_differences(request.param, golden)


def test_every_script_sees_what_it_saw_with_locust(seen_and_golden):
    seen, golden = seen_and_golden
    assert list(seen) == list(golden)
    different = {part: (seen[part], golden[part]) for part in golden if seen[part] != golden[part]}
    # One difference at a time is readable; all of them are not.
    for part, (ours, theirs) in different.items():
        assert ours == theirs, f"{part} (and {len(different) - 1} more: {list(different)[1:]})"


def test_there_are_scripts():
    assert "life" in SCRIPTS and len(SCRIPTS) >= 13
