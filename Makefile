# Everything here needs Python >= 3.11, Node, npm, git and make, and sets up the rest by itself. `make help` lists it.
# Environments are keyed by the hash of their lock file: a second call costs nothing, a changed lock builds anew.

PYTHON ?= python3
CHROMIUM ?= $(or $(shell command -v chromium),/usr/bin/chromium)
BIN := .venv/bin
KERNELS := 6.31 7.3 7.4
BUNDLE := src/streamcell/notebook/static/widget.js

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_VIRTUALENV := 0
export JUPYTER_PREFER_ENV_PATH := 1  # the kernel of this checkout, not one of the user's
export STREAMCELL_CHROMIUM := $(CHROMIUM)
DEMO := LLM_PROVIDER=demo

hash = $(shell git hash-object requirements/$(1).txt | cut -c1-12)
DEV := .venv/.ready-$(call hash,dev)
EDITABLE := build/editable/.ready
INSTALLED := .venv/.streamcell-$(call hash,dev)
KERNELS_READY := $(foreach version,$(KERNELS),.venv-kernels/$(version)/.ready-$(call hash,kernel-$(version)))
KERNELS_INSTALLED := $(subst .ready,.streamcell,$(KERNELS_READY))
MODULES := js/node_modules/.package-lock.json
PAGE := $(shell find js -name node_modules -prune -o -name dist -prune -o -type f -print 2>/dev/null)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup demo lab test check unit js notebooks browser bench lock kernels chromium clean python

help: ## this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: $(INSTALLED) $(BUNDLE) ## .venv with everything, and the page's bundle

demo: setup ## runs notebooks/quickstart.ipynb without a key or a network, and says where to look
	@mkdir -p build/demo
	$(DEMO) $(BIN)/jupyter nbconvert --log-level=WARN --execute --to notebook --output-dir build/demo notebooks/quickstart.ipynb
	$(BIN)/jupyter nbconvert --log-level=WARN --to html --output-dir build/demo build/demo/quickstart.ipynb
	@echo
	@echo "The quick start ran. Look at it:  $(CURDIR)/build/demo/quickstart.html  (open it in a browser)"
	@echo "Run it yourself in JupyterLab:    make lab"

lab: setup ## opens the quick start in JupyterLab
	$(BIN)/jupyter lab notebooks/quickstart.ipynb

# Cheap failures first.
test: check js unit notebooks browser ## everything; with CI=true nothing may be skipped

check: $(INSTALLED) ## format, lint, types, layers, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m streamcell.core.typescript build/protocol.gen.ts
	diff -u js/src/protocol.gen.ts build/protocol.gen.ts

js: $(MODULES) ## format, types, tests and bundle of the page
	cd js && npm run check
	cd js && npm run build

unit: $(INSTALLED) $(BUNDLE) ## Python tests without a browser
	$(DEMO) $(BIN)/pytest --ignore=tests/browser tests

notebooks: $(INSTALLED) $(BUNDLE) ## every notebook, by nbval, on the demo provider
	$(DEMO) $(BIN)/pytest --nbval-lax --nbval-current-env --nbval-kernel-startup-timeout=180 -W default notebooks

browser: $(INSTALLED) $(BUNDLE) kernels chromium ## a real JupyterLab and Notebook in a real browser, on every kernel
	$(DEMO) $(BIN)/pytest tests/browser

bench: $(INSTALLED) $(BUNDLE) ## prints the speed table
	$(DEMO) $(BIN)/python -m bench

lock: $(DEV) ## resolves requirements/*.txt anew
	for name in dev $(KERNELS:%=kernel-%); do \
	  if [ $$name = dev ]; then from="--all-extras --group dev"; else from=requirements/$$name.in; fi; \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	    pyproject.toml $$from --output-file requirements/$$name.txt || exit; \
	done

clean: ## removes environments and all that was built
	rm -rf .venv .venv-kernels build dist js/node_modules js/dist src/streamcell/notebook/static tests/artefacts
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# -- environments ----------------------------------------------------------------------------------

python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("streamcell needs Python 3.11 or newer; `$(PYTHON)` is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 …")'

$(DEV): | python
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install -qq --require-hashes -r requirements/dev.txt
	@touch $@

$(MODULES): js/package-lock.json
	cd js && npm ci --include=dev
	@touch $@

$(BUNDLE): $(PAGE) $(MODULES)
	cd js && npm run build
	@touch $@

# One editable wheel serves every environment of this checkout. The build hook finds the bundle fresh.
$(EDITABLE): pyproject.toml hatch_build.py README.md LICENSE | $(DEV) $(BUNDLE)
	rm -rf build/editable
	$(BIN)/hatchling build --target wheel:editable --directory build/editable
	@touch $@

$(INSTALLED): $(EDITABLE)
	$(BIN)/pip install -qq --no-deps --no-index --force-reinstall build/editable/*.whl
	@touch $@

kernels: $(KERNELS_READY) $(KERNELS_INSTALLED)

$(KERNELS_READY): | $(DEV)
	$(PYTHON) -m venv --clear --without-pip $(@D)
	$(BIN)/pip --python $(@D) install -qq --require-hashes -r requirements/kernel-$(notdir $(@D)).txt
	@touch $@

$(KERNELS_INSTALLED): $(EDITABLE) | $(KERNELS_READY)
	$(BIN)/pip --python $(@D) install -qq --no-deps --no-index --force-reinstall build/editable/*.whl
	@touch $@

chromium:
	@if [ -x "$(CHROMIUM)" ]; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-dejavu-core >/dev/null; \
	elif [ "$$CI" = true ]; then echo "Chromium is missing and cannot be installed here" >&2; exit 1; \
	else echo "Chromium is missing: install it, or name it with CHROMIUM=/path; the browser tests will be skipped"; fi
