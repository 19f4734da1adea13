# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_TESTS := $(BIN)/python -m pytest

.PHONY: help demo test check fast fmt lint types pages docs bench calibrate claims soak torture spark build clean

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

demo: $(VENV)/run ## try every command on a made-up corpus, offline
	$(BIN)/trend demo

test: $(VENV)/dev ## run the tests but for the journeys, in about a minute
	$(RUN_TESTS) -m "not journey and not slow"

check: lint types pages ## run everything that has to pass: lint, types, pages, all tests
	$(RUN_TESTS)

# trendcli/stats/growth.py -> tests/stats/test_growth.py; a test file that changed stands for itself
CHANGED := git diff --name-only HEAD; git ls-files --others --exclude-standard
fast: $(VENV)/dev ## run the tests of the modules that changed since the last commit
	@files=$$( { $(CHANGED); } | sed -E 's#^trendcli/(.*/)?([a-z_]+)\.py$$#tests/\1test_\2.py#' \
		| grep -E '^tests/.*test_[a-z_]+\.py$$' | sort -u | xargs -r ls 2>/dev/null); \
	if [ -n "$$files" ]; then $(RUN_TESTS) -n0 -q $$files; else echo "No module with tests of its own has changed."; fi

fmt: $(VENV)/dev ## format the code and sort its imports
	$(BIN)/ruff check --fix --select I .
	$(BIN)/ruff format .

lint: $(VENV)/dev ## check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev ## check types
	$(BIN)/mypy

pages: $(VENV)/dev ## check that the pages show what the program prints, by running every command on them
	$(BIN)/python docs/generate.py --check

docs: $(VENV)/dev ## write the pages that state facts of the code
	$(BIN)/python docs/generate.py

soak: $(VENV)/dev ## kill 300 fetches at random points and fail one request in twenty of 60 others; about ten minutes
	TREND_SOAK=300 $(BIN)/python -m pytest -s -n0 -m "journey or slow" tests/journeys/test_reliability.py -k "killed_at_any_operation or one_request_in_twenty"

# SEED is the day unless it is given; KINDS are all unless some are named.
torture: $(VENV)/dev ## try to break stores, input, clocks and disks, and write the figures into docs/explanation/reliability.md; about ten minutes
	$(BIN)/python -m tests.torture $(if $(SEED),--seed $(SEED)) $(if $(KINDS),--only $(KINDS),--write docs/explanation/reliability.md)

spark: $(VENV)/dev ## check that a Spark cluster counts as this machine does; needs Java 17 and half a GB for pyspark
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,spark]'
	$(BIN)/python -m pytest -n0 tests/topics/test_spark.py

# SNAPSHOT is a file in the format of arXiv's bulk snapshot.
calibrate: $(VENV)/dev ## run the proofs of docs/explanation/method.md on real records: SNAPSHOT=file
	$(BIN)/python benchmarks/calibrate.py $(SNAPSHOT) --words "$(WORDS)"

# LISTS is a folder of iclr2020.json to iclr2022.json.
claims: $(VENV)/dev ## write docs/explanation/claims.md: SNAPSHOT=file LISTS=folder
	$(BIN)/python benchmarks/claims.py $(SNAPSHOT) $(LISTS) --words "$(WORDS)"

# The first part of the page is of a snapshot, the second, with SIZES="30000 300000", of samples or made-up records.
bench: $(VENV)/dev ## write docs/explanation/benchmarks.md: SNAPSHOT=file, SIZES="..."
	$(BIN)/python benchmarks/run.py $(SNAPSHOT) --words "$(WORDS)" --sizes "$(SIZES)"

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/run: $(VENV)/made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/dev: $(VENV)/made pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/run

build: $(VENV)/dev ## build the wheel and the source distribution into dist/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check build
	$(BIN)/python -m build

clean: ## remove what the other targets made
	rm -rf $(VENV) dist build trend-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
