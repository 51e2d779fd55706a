#!/usr/bin/env bash
# Every test. All parts run whatever becomes of the others; the end is non-zero when one of them failed.
#
# Two at a time, since most tests wait: cargo's beside pytest's (whose measuring tests come last, alone), others' tests beside the page's.
set -uo pipefail
cd "$(dirname "$0")/.."
export PYO3_PYTHON=$PWD/.venv/bin/python
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

beside() { # beside COMMAND ...: runs it in the background; what it prints comes when `and_then` waits for it
    "$@" >"$log" 2>&1 &
    behind=$!
}
and_then() {
    wait "$behind" || failed=1
    cat "$log"
}

# The extension module itself is tested from Python.
beside .venv/bin/cargo-nextest nextest run --workspace --exclude gregaria-python --features gregaria-testkit/tls
.venv/bin/python scripts/pytests || failed=1
and_then
# Tests that others wrote: none that passed may fail.
beside scripts/compat --ours
# The page: its logic, then a browser against a real run.
(cd ui && npm run --silent test && npm run --silent e2e) || failed=1
and_then
[ $failed = 0 ] && echo "all tests passed" || echo "some tests failed" >&2
exit $failed
