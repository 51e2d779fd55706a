#!/usr/bin/env bash
# Every test. All parts run whatever becomes of the others; the end is non-zero when one of them failed, and names what failed
# once more: who reads a long log reads its end.
#
# cargo's run beside pytest's, most of which wait (those that measure come last, alone).
set -uo pipefail
cd "$(dirname "$0")/.."
export PYO3_PYTHON=$PWD/.venv/bin/python
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=()
part() { # NAME COMMAND...: shows it and keeps what it printed
    local name=$1 began=$SECONDS
    shift
    "$@" 2>&1 | tee "$logs/$name" || failed+=("$name")
    echo "--- $name took $((SECONDS - began)) s"
}

# The extension module itself is tested from Python.
.venv/bin/cargo-nextest nextest run --workspace --exclude gregaria-python --features gregaria-testkit/tls >"$logs/cargo" 2>&1 &
cargos=$!
part pytest .venv/bin/python scripts/pytests
began=$SECONDS
wait "$cargos" || failed+=(cargo)
echo "--- cargo took $((SECONDS - began)) s longer"
cat "$logs/cargo"
# Tests that others wrote: none that passed may fail. Alone, since some of them want a whole core or a second to be a second.
part scoreboard scripts/compat --ours
# The page: its logic, then a browser against a real run.
part page npm --prefix ui run --silent test
part browser npm --prefix ui run --silent e2e

if [ ${#failed[@]} = 0 ]; then
    echo "all tests passed"
    exit 0
fi
for name in "${failed[@]}"; do
    echo "--- $name failed:"
    # How pytest, nextest, the scoreboard, vitest and node name a failure, and pytest's reasons.
    grep -aE '^(FAILED|E  )|^ +(TRY [0-9]+ )?(FAIL|TIMEOUT|SIG[A-Z]+|TERMINATING) \[|^worse than|^ +(FAIL|×) |^not ok|^error' "$logs/$name" | cut -c1-300 | tail -60
done >&2
echo "some tests failed: ${failed[*]}" >&2
exit 1
