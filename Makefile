# `make demo` and `make test` do all of their own set-up: a virtual environment in $(VENV).
PYTHON ?= python3
VENV ?= .venv
PYTEST ?= -n auto --dist loadfile
BIN = $(VENV)/bin

.PHONY: demo test lint types clean

demo: $(VENV)/ready
	$(BIN)/gandiag demo

test: $(VENV)/installed
	$(BIN)/python -m pytest $(PYTEST)

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed
	$(BIN)/mypy

# What a user needs, and then what the tests need beside it.
$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c "import sys; sys.exit('gandiag needs Python 3.11 or newer; name one with make PYTHON=...' if sys.version_info < (3, 11) else 0)"
	@echo "making $(VENV) and installing gandiag with torch, some gigabytes: minutes, once"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed: $(VENV)/ready
	@echo "installing what the tests need: the tools that they compare with, linters"
	$(BIN)/python -m pip install --quiet --editable ".[dev,peers]"
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
