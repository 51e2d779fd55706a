#!/usr/bin/env bash
# Runs each fuzz target for SECONDS_EACH seconds (default 60). Needs cargo-fuzz: `cargo install cargo-fuzz`.
set -euo pipefail
cd "$(dirname "$0")/.."
SECONDS_EACH=${SECONDS_EACH:-${1:-60}}
cargo fuzz --version >/dev/null 2>&1 || {
    echo "scripts/fuzz.sh: missing: cargo-fuzz (cargo install cargo-fuzz)" >&2
    exit 1
}
# libFuzzer's instrumentation is a nightly flag; a stable compiler of a distribution knows it too.
export RUSTC_BOOTSTRAP=1
found=0
for folder in fuzz crates/*/fuzz; do
    [ -f "$folder/Cargo.toml" ] || continue
    for target in $(cargo fuzz list --fuzz-dir "$folder"); do
        found=1
        echo "+ $folder $target, $SECONDS_EACH s"
        cargo fuzz run --fuzz-dir "$folder" --sanitizer none "$target" -- -max_total_time="$SECONDS_EACH" -rss_limit_mb=4096
    done
done
[ $found = 1 ] || { echo "scripts/fuzz.sh: no fuzz target found" >&2; exit 1; }
