#!/usr/bin/env bash
# Runs fuzz targets for so many seconds each: `scripts/fuzz.sh 20 json url`; without names all, without a number for SECONDS_EACH (60).
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-${SECONDS_EACH:-60}}
chosen=" ${*:2} "
[ -x .venv/bin/cargo-fuzz ] || scripts/setup --test || exit 1
export PATH=$PWD/.venv/bin:$PATH PYO3_PYTHON=$PWD/.venv/bin/python
# libFuzzer's instrumentation is a nightly flag; a stable compiler of a distribution knows it too.
export RUSTC_BOOTSTRAP=1
found=0
for target in $(cargo fuzz list --fuzz-dir fuzz); do
    [[ $chosen =~ ^\ *$ || $chosen == *" $target "* ]] || continue
    found=1
    echo "+ $target, $seconds s"
    cargo fuzz run --fuzz-dir fuzz --sanitizer none "$target" -- -max_total_time="$seconds" -rss_limit_mb=4096
done
[ $found = 1 ] || { echo "scripts/fuzz.sh: no such fuzz target; there are: $(cargo fuzz list --fuzz-dir fuzz | xargs)" >&2; exit 1; }
