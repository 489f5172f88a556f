# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test clean

# The main job: write the embedded competition, train on it, submit its test file, score it.
demo: $(VENV)/.ready
	rm -rf demo
	$(BIN)/sirna sample demo
	cd demo && ../$(BIN)/sirna train train_data.csv --config ../configs/quick.toml --run runs/demo
	cd demo && ../$(BIN)/sirna submit test.csv
	cd demo && ../$(BIN)/sirna score test_truth.csv submissions/demo/submission.csv

# Format, lint, types and tests.
test: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) demo
