#!/usr/bin/env bash
# Every test. All parts run whatever becomes of the others; the end is non-zero when one of them failed.
#
# cargo's run beside pytest's, most of which wait (those that measure come last, alone).
set -uo pipefail
cd "$(dirname "$0")/.."
export PYO3_PYTHON=$PWD/.venv/bin/python
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# The extension module itself is tested from Python.
.venv/bin/cargo-nextest nextest run --workspace --exclude gregaria-python --features gregaria-testkit/tls >"$log" 2>&1 &
cargos=$!
.venv/bin/python scripts/pytests || failed=1
wait "$cargos" || failed=1
cat "$log"
# Tests that others wrote: none that passed may fail. Alone, since some of them want a whole core or a second to be a second.
scripts/compat --ours || failed=1
# The page: its logic, then a browser against a real run.
(cd ui && npm run --silent test && npm run --silent e2e) || failed=1
[ $failed = 0 ] && echo "all tests passed" || echo "some tests failed" >&2
exit $failed
