# Needs Python 3.11 or newer and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test check lint types pages docs bench calibrate claims soak spark clean

demo: $(VENV)/run
	$(BIN)/trend demo

test: $(VENV)/dev
	$(BIN)/python -m pytest

check: lint types pages
	$(BIN)/python -m pytest

lint: $(VENV)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev
	$(BIN)/mypy

# Whether the pages show what the program says: every command on them is run. `make docs` renews them.
pages: $(VENV)/dev
	$(BIN)/python docs/generate.py --check

# Writes the pages that state facts of the code.
docs: $(VENV)/dev
	$(BIN)/python docs/generate.py

# 300 fetches killed at random points, and 60 with one request in twenty gone wrong; about ten minutes.
soak: $(VENV)/dev
	TREND_SOAK=300 $(BIN)/python -m pytest -s -n0 -m "slow or not slow" tests/journeys/test_reliability.py -k "killed_at_any_operation or one_request_in_twenty"

# That a Spark cluster counts as this machine does; needs Java 17, and installs pyspark (half a GB).
spark: $(VENV)/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,spark]'
	$(BIN)/python -m pytest -n0 tests/topics/test_spark.py

# The proofs of docs/explanation/method.md, on real records: SNAPSHOT is a file in the format of arXiv's bulk snapshot.
calibrate: $(VENV)/dev
	$(BIN)/python benchmarks/calibrate.py $(SNAPSHOT) --words "$(WORDS)"

# docs/explanation/claims.md, from the same file and a folder LISTS of iclr2020.json to iclr2022.json.
claims: $(VENV)/dev
	$(BIN)/python benchmarks/claims.py $(SNAPSHOT) $(LISTS) --words "$(WORDS)"

# docs/explanation/benchmarks.md: the first part of a snapshot, or with SIZES="30000 300000" the second, of samples or made-up records.
bench: $(VENV)/dev
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

clean:
	rm -rf $(VENV) dist build trend-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
