# One line per target; `make` without a target lists them. The tools are in .venv, installed from environments/dev.lock.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
BIN := .venv/bin
PYTHON ?= python3
ARGS ?=
WORKERS ?= 2
NODES ?= 3
WRITTEN ?= 5
# Without the libraries' bytecode each process of the tests would compile them again, for most of its CPU time.
export PYTHONDONTWRITEBYTECODE =

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | column -t -s @ 2>/dev/null || grep '##' Makefile

train: engine .venv/ready ## train once; prints the paths of the model and the pictures (ARGS="--order 2,0,2")
	@$(BIN)/hakobune train $(ARGS)

train-cluster: $(if $(ARGS),image,no-table) ## forecast many series by WORKERS containers of this machine (ARGS="--input data/many.csv" WORKERS=2)
	@run="cluster-$$(date -u +%Y%m%dT%H%M%S)-$$$$"; HAKOBUNE_RUN_ID=$$run ARGS="$(ARGS)" docker compose --profile cluster up --no-log-prefix --no-build --scale worker=$(WORKERS) scheduler worker; docker compose --profile cluster rm --force scheduler worker >/dev/null 2>&1; $(BIN)/hakobune record runs/$$run

drill-eviction: engine .venv/ready ## kill parts of a job in containers of this machine, and compare what it makes (ARGS="many --input data/many.csv")
	@$(BIN)/hakobune drill eviction $(ARGS)

push-and-submit: engine .venv/ready ## run the same container as an Azure ML job: push, submit, log, outputs, model (ARGS="--order 2,0,2")
	@$(BIN)/hakobune submit --smoke --create-compute --register $(ARGS)

rehearse: image ## push-and-submit against a stand-in for Azure ML on this machine; only environment variables differ (ARGS="--output-mode rw_mount")
	@$(BIN)/python -m drydock start && ( trap '$(BIN)/python -m drydock stop' EXIT; trap 'exit 130' INT TERM; found="$$($(BIN)/python -m drydock env)" && eval "$$found" && HAKOBUNE_REHEARSAL=1 $(MAKE) --no-print-directory -o engine push-and-submit )

rehearse-cluster: $(if $(ARGS),image,no-table) ## many series on NODES nodes as one Azure ML job, against the stand-in; a node is taken away when WRITTEN files are there (ARGS="--input data/many.csv")
	@$(BIN)/python -m drydock start && ( trap '$(BIN)/python -m drydock fault --clear; $(BIN)/python -m drydock stop' EXIT; trap 'exit 130' INT TERM; found="$$($(BIN)/python -m drydock env)" && eval "$$found" && $(BIN)/python -m drydock fault --clear preempted --node 1 --written $(WRITTEN) && HAKOBUNE_REHEARSAL=1 $(BIN)/hakobune submit --smoke --create-compute --instances $(NODES) --retries 2 --fetch many $(ARGS) )

rehearse-keyless: image ## the same in a workspace whose storage allows no account keys
	@$(BIN)/python -m drydock start --keyless --state .drydock-keyless && ( trap '$(BIN)/python -m drydock stop --state .drydock-keyless' EXIT; trap 'exit 130' INT TERM; found="$$($(BIN)/python -m drydock env --state .drydock-keyless)" && eval "$$found" && HAKOBUNE_REHEARSAL=1 $(MAKE) --no-print-directory -o engine push-and-submit )

test: image check libraries ## run everything that CI runs: format, lint, types, unit and container tests
	@$(BIN)/pytest -n 2 -m "not minutes"

test-all: image check libraries ## make test, and the tests that each take minutes
	@$(BIN)/pytest -n 2

image: engine .venv/ready ## build the image (takes a second if nothing changed)
	@$(BIN)/hakobune build

mlflow: image ## serve MLflow's pages for ./runs on 127.0.0.1:5000 (Ctrl-C stops the server)
	@cd docker/mlflow && ../../$(BIN)/hakobune build
	@docker compose up mlflow

no-table:
	@echo 'error: no table of many series is named: ARGS="--input data/many.csv"' >&2; exit 2

engine: ## use the running Docker engine, or install and start one
	@docker/engine.sh ensure

check: .venv/ready ## check format, lint, types and shell scripts
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/mypy && $(BIN)/shellcheck docker/*.sh docker/base/*.sh environments/*.sh

quick: check libraries ## run the checks and the unit tests that are not slow, without Docker
	@$(BIN)/pytest --hypothesis-profile quick -m "not slow and not minutes" tests/unit

format: .venv/ready ## format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

libraries: .venv/ready ## compile the C files next to the source, as the image build does (0.2 s if nothing changed)
	@$(BIN)/hakobune compile

bench-search: libraries .venv-bench/ready ## compare the search with pmdarima, statsforecast, skforecast and R (an hour; ARGS="--only long")
	@PYTHONPATH=benchmarks $(BIN)/python -m search $(ARGS)

bench-accuracy: libraries .venv-bench/ready ## compare forecasts of the M3 design series with SCUM's (a minute; the engines of SCUM take five more, once)
	@PYTHONPATH=benchmarks $(BIN)/python -m accuracy $(ARGS)

bench-cluster: image libraries ## measure what Dask costs, and four half containers beside two processes (ARGS="--only engine")
	@PYTHONPATH=src:benchmarks $(BIN)/python -m cluster $(ARGS)

bench-many: libraries .venv-bench/ready ## many series: what is not fitting, two processes, memory, and SCUM's engines (half an hour; ARGS="--series 1000")
	@PYTHONPATH=benchmarks:src $(BIN)/python benchmarks/many.py $(ARGS)

proof: image libraries ## measure the promises of docs/reference/reproducibility.md: images, models, broken chains (ARGS="--only flips")
	@PYTHONPATH=benchmarks $(BIN)/python -m proof $(ARGS)

hostile: image libraries ## run hostile inputs and a fuzzer; prints a table, and fails where one is wrong (ARGS="--only fuzz")
	@PYTHONPATH=benchmarks:src:. $(BIN)/python -m hostile $(ARGS)

sdk-tests: engine .venv/ready ## run Microsoft's own tests of azure-ai-ml against drydock (ARGS="datastore" for some of them)
	@PYTHONPATH=src:. $(BIN)/python -m tests.sdk $(ARGS)

wheel: .venv/ready ## build one wheel into dist/: tool, drydock, engine script and documentation
	@$(BIN)/python -m hatchling build --target wheel

docs: .venv/ready ## regenerate the generated pages of docs/reference
	@$(BIN)/python docs/reference/generate.py
	@$(BIN)/python -m drydock.route_list docs/reference/drydock.md

relock: engine .venv/ready ## upgrade all development packages, and try Microsoft's tests with the newest azure-ai-ml
	@$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-annotate --no-emit-index-url --no-header --group test pyproject.toml -o environments/dev.lock
	@$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-annotate --no-emit-index-url --no-header benchmarks/search/engines.in -o benchmarks/search/engines.lock
	@PYTHONPATH=src:. $(BIN)/python -m tests.sdk --newest

clean: ## remove .venv and the tools' caches; runs and images are kept
	@rm -rf .venv .venv-bench .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

.venv/ready: environments/dev.lock pyproject.toml
	@environments/venv.sh $(PYTHON)

.venv-bench/ready: benchmarks/search/engines.lock
	@echo "python: creating .venv-bench for the other engines" >&2
	@rm -rf .venv-bench && $(PYTHON) -m venv .venv-bench && .venv-bench/bin/pip install -qq --disable-pip-version-check --no-compile --require-hashes --only-binary :all: -r $< && touch $@

.PHONY: help no-table train train-cluster drill-eviction push-and-submit rehearse rehearse-cluster rehearse-keyless test test-all image mlflow engine check quick format libraries bench-search bench-accuracy bench-cluster bench-many proof hostile sdk-tests wheel docs relock clean
