# make demo   watch a sigmoid kernel learn real images
# make test   run every test, with coverage, on all cores
# make check  format, lint and types
# make bench  time Ogive beside its peers, answers compared first
#
# The first target makes .venv and installs into it; later ones skip that.
# PYTHON names the interpreter (3.11 or newer), TORCH_INDEX an index of torch builds to prefer.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell command -v python3.11 || command -v python3)
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

.PHONY: demo test check format bench clean

demo: $(VENV)/ready
	$(BIN)/ogive demo

test: $(VENV)/ready-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope --cov --cov-report=term

check: $(VENV)/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/ready-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/ready
	$(BIN)/python -m benchmarks
	$(BIN)/python -m benchmarks.all_rows
	$(BIN)/python -m benchmarks.treatments
	$(BIN)/python -m benchmarks.calibration

clean:
	rm -rf $(VENV) ogive-demo dist build .coverage

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Ogive needs Python 3.11 or newer; name one with make PYTHON=/path/to/python" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
		{ rm -rf $(VENV); echo "could not make $(VENV); on Debian: apt-get install python3-venv" >&2; exit 1; }

$(VENV)/ready: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing Ogive into $(VENV) (once; torch is large)"
	@$(INSTALL) -e .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready
	@echo "installing what the tests need"
	@$(INSTALL) -e '.[dev,data]'
	@touch $@
