# make demo   see English lift Japanese (a few minutes, no data, no network after installation)
# make test   run the tests; make test-fast: those of a minute
# make docs   build the documentation site in docs/site
# make bench  measure speed beside other recognizers (docs/benchmarks.md); BENCH=--quick: only try it
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
FOR_DEMO := $(VENV)/.installed-for-demo

.PHONY: setup demo test test-fast docs bench bench-scaling check format clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,chinese,corpora,crfsuite,docs,fast,figures,hub,ipadic,korean,mlflow,onnx,ray,ray-serve,serve,spacy,sudachi,teacher,tensorboard,thai,train,uroman]'
	touch $@

demo: $(FOR_DEMO)
	$(BIN)/kakehashi demo

# What the demonstration needs is a fifth of what tests do. pip says what it is at.
$(FOR_DEMO): pyproject.toml constraints.txt
	test -x $(BIN)/python || python3 -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e '.[fast,train]'
	touch $@

test: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-fast: setup
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m 'not corpora and not slow' tests/unit tests/properties kakehashi

docs: setup
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet docs docs/site

bench: setup
	$(BIN)/python -m benchmarks $(BENCH)

bench-scaling: setup
	$(BIN)/python -m benchmarks.scaling $(BENCH)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/same_names.py

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) docs/site .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
