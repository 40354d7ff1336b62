# Two commands: `make demo` shows the program, `make test` checks it.
# The first Python that runs, is new enough and can make environments; a name alone may be a shim that fails.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/ready-$(firstword $(shell cksum requirements.txt))
ENCODER ?= efficientnet-lite0-imagenet

.PHONY: demo test check serve pictures clean

demo: $(READY)
	$(BIN)/python -m raise_core demo prrt
	$(BIN)/python -m raise_core demo raise
	$(BIN)/python -m raise_core run raise --study demo-raise --encoder $(ENCODER)
	$(BIN)/python -m raise_core run prrt --study demo-prrt --queue
	$(BIN)/python -m raise_core serve

serve: $(READY)
	$(BIN)/python -m raise_core serve

test: check
	# All calls share the simulated homes, which take a minute each.
	homes=$$(mktemp -d) && trap 'rm -rf "$$homes"' EXIT && export RAISE_TEST_HOMES="$$homes" && \
	$(BIN)/python -m pytest -m "not browser and not alone" -n 2 --dist loadfile && \
	$(BIN)/python -m pytest -m "browser and not alone" -n 2 --dist loadfile && \
	$(BIN)/python -m pytest -m alone

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(READY): requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; call: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	@rm -f .venv/ready-*
	@touch $@

pictures: $(READY)
	$(BIN)/python tests/browser/take_pictures.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
