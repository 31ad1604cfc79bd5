# Two commands do everything on a machine with Python 3.11+ and make: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SPARK := $(VENV)/spark
BENCH := $(VENV)/bench
ARGS ?=

# Libraries would write their caches into the user's own folder.
export MPLCONFIGDIR := $(CURDIR)/.funnelcast/matplotlib
export BENTOML_HOME := $(CURDIR)/.funnelcast/bentoml
export BENTOML_DO_NOT_TRACK := True

.PHONY: demo test test-spark check lock bench soak format

demo: $(READY)
	$(BIN)/funnelcast demo $(ARGS)

test: $(READY)
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

# Spark lies apart, so that nothing else ever loads it; needs Java 17 or 21.
test-spark: $(SPARK)/.ready
	PYTHONPATH=$(CURDIR)/$(SPARK) $(BIN)/pytest tests/spark $(ARGS)

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(BENCH)/.ready
	PYTHONPATH=$(CURDIR)/$(BENCH) $(BIN)/python -m benchmarks $(ARGS)

# Ten minutes of load with promotions and kills, then kill -9 at 50 random moments of everything that writes.
soak: $(READY)
	$(BIN)/python -m benchmarks.soak $(ARGS)
	$(BIN)/python -m benchmarks.kills

# One lock for every platform, with hashes and without any index's address.
lock: $(READY)
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev \
		pyproject.toml --output-file requirements.lock --quiet $(ARGS)
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --extra spark \
		--constraint requirements.lock $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock) \
		pyproject.toml --output-file tests/spark/requirements.lock --quiet $(ARGS)
	$(BIN)/uv pip compile --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --extra bench \
		--constraint requirements.lock $$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/--no-emit-package \1/p' requirements.lock) \
		pyproject.toml --output-file benchmarks/requirements.lock --quiet $(ARGS)

$(SPARK)/.ready: $(READY) tests/spark/requirements.lock
	rm -rf $(SPARK)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet --no-deps --require-hashes --target $(SPARK) \
		--requirement tests/spark/requirements.lock
	touch $@

# What is measured beside our own lies apart too; where it can't be built, the table says so.
$(BENCH)/.ready: $(READY) benchmarks/requirements.lock
	rm -rf $(BENCH)
	mkdir $(BENCH)
	-$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet --no-deps --require-hashes --target $(BENCH) \
		--requirement benchmarks/requirements.lock
	touch $@

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)
