# Every target sets up what it needs in .venv, from nothing but Python >= 3.11, pip and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WHEEL_CHECK := build/wheel-check

# A database that the user's shell points to is none of the demo's or the tests' business.
unexport AUTOTUNE_STORAGE
# What pytest rewrites of the tests is kept for the next run: it is a third of their start.
unexport PYTHONDONTWRITEBYTECODE

# A developer runs the fast tests; CI sets CI=true and runs them all.
MARKERS := $(if $(filter true,$(CI)),,not slow)
# Tests of kills, locks and starts wait a third of their time: one worker more than there are cores, at most 8.
WORKERS := $(shell $(PYTHON) -c 'import os; print(min(8, 1 + (os.cpu_count() or 1)))')
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-gpu lint format format-check types package clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("autotune needs Python 3.11 or newer, and $(PYTHON) is " + sys.version)'
	@echo "setting up $(VENV): a few minutes, once"
	$(PYTHON) -m venv --without-pip $(VENV)
	$(PYTHON) -m pip --python $(BIN)/python install --quiet -c constraints.txt pip setuptools setuptools-scm
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt --no-build-isolation -e '.[dev]'
	@# Pip would compile file by file on one core. What cannot be compiled (a few templates) is not imported either.
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

demo: $(INSTALLED) ## the main job on the embedded study: search, report, export, production training
	rm -rf demo
	cp -R studies/quickstart demo
	cd demo && ../$(BIN)/autotune study create study.yaml
	cd demo && ../$(BIN)/autotune study run quickstart $(if $(TRIALS),--trials $(TRIALS))
	cd demo && ../$(BIN)/autotune study report quickstart
	cd demo && ../$(BIN)/autotune study export quickstart -o best.yaml
	cd demo && ../$(BIN)/autotune train best.yaml -o model

test: $(INSTALLED) ## the fast tests; all of them where CI=true
	$(PYTEST) -m "$(MARKERS)"

test-all: $(INSTALLED) ## all tests
	$(PYTEST) -m ""

test-gpu: $(INSTALLED) ## what only a GPU can show
	$(BIN)/python -m pytest -m "" tests/gpu

lint: $(INSTALLED) ## ruff's rules
	$(BIN)/ruff check .

format: $(INSTALLED) ## rewrite the code in ruff's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

format-check: $(INSTALLED) ## is the code in ruff's format?
	$(BIN)/ruff format --check .

types: $(INSTALLED) ## basedpyright, strict
	mkdir -p $(VENV)/source/autotune
	ln -sfn $(foreach part,spaces objectives search studies,$(CURDIR)/$(part)) $(VENV)/source/autotune
	$(BIN)/basedpyright

package: $(INSTALLED) ## build sdist and wheel, install the wheel into a clean environment, start it there
	rm -rf dist $(WHEEL_CHECK)
	$(BIN)/python -m build --no-isolation .
	$(PYTHON) -m venv --without-pip $(WHEEL_CHECK)
	$(BIN)/python -m pip --python $(WHEEL_CHECK)/bin/python install --quiet --no-compile -c constraints.txt dist/*.whl
	cd $(WHEEL_CHECK) && bin/autotune --help > /dev/null
	cd $(WHEEL_CHECK) && bin/autotune schema | bin/python -m json.tool > /dev/null
	cd $(WHEEL_CHECK) && bin/python -I -c "from importlib.resources import files; \
	    quickstart = files('autotune.studies') / 'quickstart'; \
	    assert all((quickstart / name).is_file() for name in ('study.yaml', 'reviews.csv')), 'studies are not packaged'; \
	    page = files('autotune.search.report.html'); \
	    assert all((page / name).is_file() for name in ('page.html', 'style.css')), 'the page is not packaged'"
	rm -rf $(WHEEL_CHECK)

clean: ## remove what was built and the demo; .venv stays
	rm -rf build dist demo *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
