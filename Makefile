# Needs Python 3.11 or newer and make, nothing else: each target installs what it needs into .venv.
# Another Python: make PYTHON=python3.13 test

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml

.PHONY: help demo test test-long fuzz up check bench cluster-test cluster-bench histories released screenshots lock resolved audit sbom digests

help:
	@echo "make demo   cases from form to their end, two weeks in about a minute, and a firm that joins MYICS"
	@echo "make test   all tests but those that take long"
	@echo "make test-long  those that take long, then all on the Temporal server at other times in Japan and among closing days"
	@echo "make fuzz   tries made-up input for MINUTES=10, and keeps in the tests what fails"
	@echo "make up     start everything and keep it running until Ctrl-C"
	@echo "make check  lint, format, types, architecture"
	@echo "make bench  measures ours beside a bare procedure and DBOS (see CONTRIBUTING.md)"
	@echo "make cluster-test   the tests on a Temporal cluster, which is built with Go (see docs/cluster.md)"
	@echo "make cluster-bench  measures the same there and on the dev server"
	@echo "make histories  record the histories that replay tests run (see CONTRIBUTING.md)"
	@echo "make released  notes what a release has recorded for good (see CONTRIBUTING.md)"
	@echo "make screenshots  take the pictures of the guides anew"
	@echo "make lock   renew the lock files (needs uv)"
	@echo "make resolved  whether every Python up to 3.14 has wheels of what is locked (needs uv)"
	@echo "make audit  look for known vulnerabilities in what the lock files name"
	@echo "make sbom   write what a release is made of to dist/ (CycloneDX)"
	@echo "make digests  pin the images of Compose and Dockerfile by digest (needs docker with buildx)"

demo: .venv/installed
	$(BIN)/tetsuzuki demo

test: .venv/installed
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not long"

# After the long ones: Japan's date before UTC's, midnight passing; after UTC's; nine in the morning passing; nobody works
# this week.
test-long: .venv/installed
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m long
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not long" --japan-time=-23:59
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not long" --japan-time=+00:30
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not long" --japan-time=+08:59
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal -m "not long" --closing-days-around-today

MINUTES ?= 10
fuzz: .venv/installed
	$(BIN)/python -m pytest tests/fuzz/fuzzing.py --capture=no -p no:cacheprovider --fuzz-minutes=$(MINUTES) $(if $(SEED),--fuzz-seed=$(SEED))

up: .venv/installed
	$(BIN)/tetsuzuki up

check: .venv/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/bench-installed
	$(BIN)/python -m bench $(BENCH)

# Goes on where it stopped. Some of it: make cluster-test CLUSTER="--only kills"
cluster-test: .venv/installed
	$(BIN)/python -m bench.cluster test $(CLUSTER)

cluster-bench: .venv/installed
	$(BIN)/python -m bench.cluster bench $(CLUSTER)

histories: .venv/installed
	$(BIN)/python -m pytest tests/replay/recording.py

released: .venv/installed
	$(BIN)/python -m tests.support.released

screenshots: .venv/installed
	$(BIN)/python -m pytest tests/browser/screenshots.py tests/browser/page_pictures.py

lock:
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --extra embedded --extra dev --output-file requirements-dev.lock
	$(COMPILE) --extra provider --constraints requirements-dev.lock --output-file requirements-provider.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group pyproject.toml:supply \
		--output-file requirements-supply.lock
	$(COMPILE) --extra embedded --extra bench --constraints requirements-dev.lock --output-file requirements-bench.lock

# What a lock file names that no wheel is there for, on a Python that is newer than those that run the tests, ends it.
resolved:
	for lock in requirements.lock requirements-dev.lock; do for version in 3.12 3.13 3.14; do \
		uv pip install --dry-run --quiet --require-hashes --only-binary :all: --python-version $$version \
			--target .venv/resolved --requirement $$lock || exit 1; done; done

digests:
	$(PYTHON) .ci/pin_images.py

# By tools of their own, locked apart from what they look at.
audit: .venv/supply/installed
	for lock in requirements*.lock; do .venv/supply/bin/pip-audit --strict --require-hashes --disable-pip --requirement $$lock || exit 1; done

sbom: .venv/supply/installed
	mkdir -p dist
	.venv/supply/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --mc-type application \
		--output-reproducible --output-format JSON --output-file dist/tetsuzuki.cdx.json

.venv/supply/installed: requirements-supply.lock
	$(PYTHON) -m venv .venv/supply
	.venv/supply/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes --requirement requirements-supply.lock
	@touch $@

.venv/installed: requirements-dev.lock requirements-provider.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --requirement requirements-dev.lock
	$(PIP) install --require-hashes --requirement requirements-provider.lock
	$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

# Beside what is installed already: the same versions, and what ours is compared with.
.venv/bench-installed: requirements-bench.lock .venv/installed
	$(PIP) install --require-hashes --requirement requirements-bench.lock
	@touch $@
