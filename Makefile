# Each target does everything on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: quickstart test test-all check clean

quickstart: $(VENV)/.installed  ## environment, small real models, a real corpus, a page to listen to
	$(BIN)/python -m pipeline fetch configs/quickstart.yaml
	$(BIN)/python -m pipeline run configs/quickstart.yaml

test: $(VENV)/.installed-test  ## the fast tier: everything but what takes minutes, on real small models
	$(BIN)/python -m pipeline fetch configs/quickstart.yaml
	$(BIN)/python -m pytest -m "not heavy"

test-all: $(VENV)/.installed-test  ## everything
	$(BIN)/python -m pipeline fetch configs/quickstart.yaml
	$(BIN)/python -m pytest

check: $(VENV)/.installed-test  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@# torchcodec, which proves that `datasets` decodes our clips, needs ffmpeg's libraries
	@command -v ffmpeg >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ffmpeg >/dev/null; } || \
	  echo "The tests need ffmpeg (apt-get install ffmpeg, brew install ffmpeg): please install it."
	touch $@

clean:
	rm -rf $(VENV) store out
