# Every target makes its own environment; nothing but Python 3.11 to 3.13 and make is needed.
PYTHON ?= python3
RUN := .venv/bin/python -W ignore::UserWarning

# Compiled modules halve the start of every process.
unexport PYTHONDONTWRITEBYTECODE
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip

.PHONY: demo test check bench soak liboqs engines format clean

.venv/.ready: uv.lock pyproject.toml requirements-bootstrap.txt
	@echo "landfall: installing into .venv (first run only)"
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-bootstrap.txt
	@.venv/bin/uv sync --quiet --frozen --inexact --compile-bytecode
	@touch $@

demo: .venv/.ready
	@.venv/bin/landfall demo

test: .venv/.ready
	$(RUN) -m pytest -n 2 --dist worksteal -m "not soak and not network and not console"
	$(RUN) -m pytest -n 2 --dist loadfile tests/console
	$(RUN) -m pytest -m "network and not soak"

check: .venv/.ready
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(RUN) scripts/build_contracts.py --check
	$(RUN) scripts/build_protos.py --check
	$(RUN) scripts/build_client.py --check
	$(RUN) scripts/extract_messages.py --check

# The fast backend for ML-DSA (optional): needs a C compiler and cmake; no network but for the Python package.
liboqs: .venv/.ready
	@.venv/bin/uv sync --quiet --frozen --inexact --extra liboqs
	@.venv/bin/python scripts/build_liboqs.py

# CometBFT and geth, which a validator runs (optional): needs Go.
engines: .venv/.ready
	@.venv/bin/python scripts/build_engines.py

format: .venv/.ready
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: .venv/.ready
	$(RUN) scripts/bench.py

soak: .venv/.ready
	$(RUN) -m pytest -n 2 --dist worksteal -m "soak and not network"
	$(RUN) -m pytest -m "soak and network"

clean:
	rm -rf .venv .cache out
