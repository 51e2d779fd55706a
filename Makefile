# The front door. Anything with logic lives in scripts/.
PYTHON_FILES = python examples compat bench scripts deploy ui/e2e

help:        ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build:       ## .venv with the wheel in it (release)
	scripts/setup

ui:          ## the web page and the template of the report (ui/dist); needs Node 20
	scripts/ui

demo: build  ## the guide's locustfile against a sample blog, 15 seconds
	.venv/bin/python scripts/demo.py

check:       ## the quick loop: a fast build, the crates' own tests, tests of the Python side that take seconds
	scripts/check

test:        ## every test: cargo's, pytest's, others', the page's
	scripts/setup --test
	scripts/test.sh

test-compat: ## only the comparisons with real Locust
	scripts/setup --test
	.venv/bin/python -m pytest python/tests/compat

test-http-all: ## every case of the generated comparisons of the HTTP clients (make test takes a sample)
	scripts/setup --test
	GREGARIA_HTTP_ALL=1 .venv/bin/python -m pytest python/tests/http

compat:      ## the scoreboard: tests that others wrote, on both sides (TREE=/path: a checkout of Locust, too)
	scripts/setup --test
	scripts/compat $(if $(TREE),--tree "$(TREE)")

reference:   ## completions, the man page and docs/reference, out of the option table and of a run of what is built
	GREGARIA_WRITE_REFERENCE=1 cargo test -p gregaria-cli --test pages
	GREGARIA_WRITE_REFERENCE=1 .venv/bin/python -m pytest -q python/tests/delivery/test_reference.py

docs:        ## the pages as a site, with a search and llms.txt (target/docs/site); needs no network once set up
	scripts/setup --docs
	.venv/bin/python scripts/docs.py

pictures:    ## docs/pictures, of a real run in a browser
	node ui/pictures.mjs

dist:        ## what is published: sdist, wheel, the stand-in for `locust`, bills of materials (target/dist)
	scripts/dist

dist-test:   ## installs that into environments that have nothing, on each Python of this machine
	scripts/dist-test

deploy-test: ## performs the Dockerfile in a Debian of its own and starts what it made (root; takes minutes)
	scripts/deploy-test

release:     ## VERSION=1.2.3: bumps, assembles the changelog, tests everything, builds, commits and tags
	scripts/release $(VERSION)

bench:       ## CPU per request in the shapes of real scripts, beside wrk and Locust (PEERS=1: and others), memory, instructions
	scripts/setup --bench
	.venv/bin/python bench/shapes.py
	.venv/bin/python bench/run.py --only idle
	.venv/bin/python bench/run.py --only instructions

bench-path:  ## instructions of whole requests, beside those recorded
	scripts/setup --bench
	.venv/bin/python bench/path.py

soak:        ## whether a run gets slower or larger with the time (MINUTES=60)
	scripts/setup --bench
	.venv/bin/python bench/soak.py $(if $(MINUTES),--minutes $(MINUTES))

bench-accuracy: ## what is reported beside the server's own log, and the verdict, at more and more load (ROUNDS=1)
	scripts/setup --bench
	.venv/bin/python bench/accuracy.py $(if $(ROUNDS),-n $(ROUNDS))

bench-pages: ## what the page weighs, how soon it is seen, and what open pages and many names cost a run
	scripts/setup --bench
	node ui/cost.mjs
	.venv/bin/python bench/pages.py

bench-stretches: ## how long the users' thread works without a yield, with 10,000 names
	scripts/setup --bench
	.venv/bin/python bench/stretches.py

lint:        ## formatting and lints of Rust and Python, the layers of the crates
	scripts/lint.sh

fmt:         ## format Rust and Python
	cargo fmt --all
	.venv/bin/ruff format $(PYTHON_FILES)
	.venv/bin/ruff check --fix-only -q $(PYTHON_FILES)

fuzz:        ## each fuzz target for SECONDS_EACH seconds (60)
	scripts/fuzz.sh

snap:        ## accept changed snapshots; read the diff before committing
	INSTA_UPDATE=always cargo test --workspace --exclude gregaria-python
	git diff --stat -- '*.snap'

clean:       ## what make made
	rm -rf .venv .venv-oracle target demo-output

.DEFAULT_GOAL := help
.PHONY: help build ui demo check test test-compat test-http-all compat reference docs pictures dist dist-test deploy-test release bench soak bench-path bench-pages bench-stretches lint fmt fuzz snap clean
