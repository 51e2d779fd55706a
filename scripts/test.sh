#!/usr/bin/env bash
# Every test. pytest runs also when cargo's tests fail; the end is non-zero when either did.
set -uo pipefail
cd "$(dirname "$0")/.."
export PYO3_PYTHON=$PWD/.venv/bin/python
failed=0
# The extension module itself is tested from Python.
.venv/bin/cargo-nextest nextest run --workspace --exclude gregaria-python --features gregaria-testkit/tls || failed=1
.venv/bin/python scripts/pytests || failed=1
# Tests that others wrote: none that passed may fail.
scripts/compat --ours || failed=1
# The page: its logic, then a browser against a real run.
(cd ui && npm run --silent test && npm run --silent e2e) || failed=1
[ $failed = 0 ] && echo "all tests passed" || echo "some tests failed" >&2
exit $failed
