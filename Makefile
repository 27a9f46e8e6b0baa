# The two commands: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
LAB_PACKAGES := python3-venv openssh-client systemd-container mmdebstrap iptables iproute2
TEST_PACKAGES := $(LAB_PACKAGES) shellcheck chromium chromium-driver fonts-dejavu-core postgresql nginx openssl pebble wrk libnss3-tools
CONTAINER_PACKAGES := $(LAB_PACKAGES) podman runc buildah netavark slirp4netns openssl
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2

.PHONY: help demo test test-fast test-containers rehearse lint audit bench lock clean system test-system

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: system $(BIN)/.ready ## boot a disposable host, deploy HARVEST on it, print its URL
	@$(BIN)/python -m scripts.demo

test: test-system $(BIN)/.ready test-fast ## every test; boots lab hosts (root needed)
	$(PYTEST) -q -n $(WORKERS) --dist loadgroup tests/lab tests/host

test-fast: test-system $(BIN)/.ready ## the tests that need no host
	$(PYTEST) -q -n $(WORKERS) --dist loadgroup tests/unit tests/render tests/app

test-containers: $(BIN)/.ready ## build HARVEST's images with podman and run them (root needed)
	@scripts/system-packages $(CONTAINER_PACKAGES)
	$(PYTEST) -q tests/containers

rehearse: test-system $(BIN)/.ready ## kill a deploy at each of its operations under load; half an hour, root needed
	EVERY_OPERATION=1 $(PYTEST) -v -k "killed_at_an_operation" tests/host/test_releases.py

lint: test-system $(BIN)/.ready ## linters, security rules, types, shell, known holes in dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	shellcheck scripts/system-packages scripts/dependency-audit .ci/run
	@scripts/dependency-audit

bench: test-system $(BIN)/.ready ## every benchmark, each value with its goal; hours, root needed
	@$(BIN)/python -m benchmarks

lock: $(BIN)/.ready ## pin all dependencies anew, with hashes
	$(BIN)/python -m scripts.lock

clean: ## remove lab hosts and images, and everything built here
	@if [ -x $(BIN)/python ] && [ -d .lab ]; then $(BIN)/python -m lab clean; fi
	rm -rf .venv .lab .pytest_cache .mypy_cache .ruff_cache pyinfra-debug.log

system:
	@scripts/system-packages $(LAB_PACKAGES)

test-system:
	@scripts/system-packages $(TEST_PACKAGES)

$(BIN)/.ready: requirements-dev.txt app/requirements.txt | system
	@$(PYTHON) -c "import provision"
	@echo "making .venv from the lock files"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt -r app/requirements.txt
	@touch $@
