# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin

SHARE ?= 1
SECONDS ?= 1200

.PHONY: demo test docs test-faults test-faults-tenth fuzz coverage mutation clean

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
	$(BIN)/pytest -n 3 --dist loadfile

# The documentation as a site in site/; a warning is an error.
docs: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Fault campaigns in full, with their counts: kills, full disks, tables, bundles, settings, pairs.
test-faults: $(VENV)/.ready
	rm -f faults.jsonl
	SIRNA_FAULTS_SHARE=$(SHARE) SIRNA_FAULTS_RESULTS=$(CURDIR)/faults.jsonl \
		$(BIN)/pytest -n 2 --dist worksteal tests/faults
	@cat faults.jsonl

# A seeded tenth of the campaigns whose cases are quick. A campaign stops after some seconds.
QUICK := stranger or read_right or hostile or whole_or_absent
test-faults-tenth: $(VENV)/.ready
	SIRNA_FAULTS_SHARE=0.1 SIRNA_FAULTS_SECONDS=4 \
		$(BIN)/pytest -n 2 --dist worksteal tests/faults -k '$(QUICK)'

# Coverage-guided fuzzing of every reader, SECONDS each.
fuzz: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet 'atheris==3.0.0'
	for reader in table notation configuration bundle; do \
		$(BIN)/python tests/faults/fuzz.py $$reader -max_total_time=$(SECONDS) || exit 1; done

# The share of branches that the whole suite runs through, in its child processes too.
coverage: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet 'pytest-cov>=7' 'coverage>=7.10'
	$(BIN)/pytest -n 2 --dist loadfile --cov --cov-report=term:skip-covered

# The share of changed operators, values and statements that the unit tests notice, module by module.
mutation: $(VENV)/.ready
	$(BIN)/python tests/mutation/run.py $(MODULES)

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) demo site
