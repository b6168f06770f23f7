# Every target makes its own environment; nothing but Python 3.11 to 3.13 and make is needed.
PYTHON ?= python3
UV := .venv/bin/uv
RUN := .venv/bin/python -W ignore::UserWarning

.PHONY: demo test check bench soak format clean

.venv/.ready: uv.lock pyproject.toml requirements-bootstrap.txt
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --require-hashes --no-deps -r requirements-bootstrap.txt
	@UV_PROJECT_ENVIRONMENT=.venv $(UV) sync --quiet --frozen --inexact
	@touch $@

demo: .venv/.ready
	@.venv/bin/landfall demo

test: .venv/.ready
	$(RUN) -m pytest -n 2 --dist worksteal -m "not soak"

check: .venv/.ready
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: .venv/.ready
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: .venv/.ready
	$(RUN) scripts/bench.py

soak: .venv/.ready
	$(RUN) -m pytest -n 2 --dist worksteal -m soak

clean:
	rm -rf .venv .cache out
