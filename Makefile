# `make train` and `make test` are all a fresh machine needs; python3 (3.11 or newer) comes with it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PORT ?= 6006

.DEFAULT_GOAL := help
.PHONY: help train test slow browser lint check fix bench docs-pictures docs-figures dashboard update coverage lock reference

help:  ## List these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 12

$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Seedbed needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another with make PYTHON=...")'
	@echo "Installing into $(VENV): torch alone is large, so this takes some minutes."
	@# Some distributions ship ensurepip apart; without it the system's own pip installs into .venv.
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		$(PYTHON) -m venv $(VENV) && pip="$(BIN)/python -m pip"; \
	elif $(PYTHON) -m pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m venv --without-pip $(VENV) && pip="$(PYTHON) -m pip --python $(BIN)/python"; \
	else \
		echo "$(PYTHON) has neither ensurepip nor pip: install its packages for venv or pip (on Debian and Ubuntu, python3-venv), or name another with make PYTHON=..." >&2; \
		exit 1; \
	fi && $$pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock \
	&& $$pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# What tests and benchmarks need and is still in the project; `slow` of a new project needs nothing.
FETCH = for name in $(NEEDED); do \
		[ ! -f conf/data/$$name.yaml ] || $(BIN)/seedbed fetch $$name || exit; \
	done

# --- shipped studies ---
# What `seedbed fetch` brings for the slow tests.
NEEDED := poems mnist
# What `seedbed fetch` ends with where no mirror delivers.
NO_MIRROR := 3

train: $(READY)  ## Set up, fetch the Tang poems, and train the poem GPT on them
	@$(BIN)/seedbed fetch; status=$$?; \
	if [ $$status -eq 0 ]; then \
		$(BIN)/python train.py experiment=poem_gpt; \
	elif [ $$status -ne $(NO_MIRROR) ]; then \
		exit $$status; \
	else \
		echo; \
		echo "==> THE TANG POEMS COULD NOT BE FETCHED: training on data=verse instead, <=="; \
		echo "==> verse drawn from a small grammar, so that there is a run to see.      <=="; \
		echo; \
		$(BIN)/python train.py experiment=poem_gpt data=verse prompt=秋江長歌; \
	fi

bench: $(READY)  ## Time it beside plain scripts that do the same (ONLY=NAME: one line; ONLY=all)
	@$(FETCH)
	@$(BIN)/python -m benchmarks $(ONLY)

docs-pictures: $(READY)  ## Draw the pictures in docs/ again, from real runs (ONLY=EXPERIMENT: of one)
	@$(FETCH)
	@$(BIN)/python -m benchmarks.pictures $(ONLY)

docs-figures: $(READY)  ## Measure the figures in docs/ anew and say which have moved (ONLY=WORD: some)
	@$(FETCH)
	@$(BIN)/python -m benchmarks.figures $(ONLY)

# --- end ---
test: $(READY)  ## Set up and run the fast tests
	@$(BIN)/python -m pytest -n auto

coverage: $(READY)  ## Run the fast tests, and report the share of lines they run
	@$(BIN)/python -m pytest -n auto --cov --cov-report=term:skip-covered

slow: $(READY)  ## Run the tests that take minutes or need real data
	@$(FETCH)
	@$(BIN)/python -m pytest -n auto -m 'slow or corpus'

browser: $(READY)  ## Open the reports and the demo in a real browser, installed if need be
	@sh tests/browser/install.sh $(BIN)/python
	@$(BIN)/python -m pytest -n auto --dist loadfile -m browser tests/browser

lint: $(READY)  ## Check format, style and types
	@$(BIN)/ruff format --check --quiet . || { echo "Run make fix to format."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@if [ -d benchmarks ]; then $(BIN)/mypy --package benchmarks; fi

check: lint test  ## Lint and test

fix: $(READY)  ## Format, and fix what can be fixed
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .

dashboard: $(READY)  ## Show all runs in TensorBoard (PORT=6006)
	@echo "Training and validation loss on one chart: http://localhost:$(PORT)/#custom_scalars"
	@$(BIN)/tensorboard --logdir logs --port $(PORT)

update: $(READY)  ## Merge a later version of Seedbed into a project made from it (FROM=PLACE)
	@$(BIN)/python -m seedbed.new.update "$(FROM)"

lock: $(READY)  ## Pin the newest packages that fit pyproject.toml, with the hashes of their files
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-annotate --custom-compile-command 'make lock' --quiet --output-file requirements.lock

reference: $(READY)  ## Write docs/reference.md and schemas/ from conf/ and the constructors that it calls
	@$(BIN)/python -m seedbed.new.reference > docs/.reference.md && mv docs/.reference.md docs/reference.md
	@$(BIN)/python -m seedbed.new.schemas
