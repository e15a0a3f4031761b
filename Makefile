# One line per target; `make` alone lists them. The tools live in .venv, from environments/dev.lock.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
BIN := .venv/bin
PYTHON ?= python3
ARGS ?=

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' Makefile | column -t -s @ 2>/dev/null || grep '##' Makefile

train: image ## engine, base, image, training; prints where model and pictures are (ARGS="--order 2,0,2")
	@$(BIN)/hakobune train $(ARGS)

push-and-submit: image ## push, submit, log, outputs, model: the same container as an Azure ML job (ARGS="--order 2,0,2")
	@$(BIN)/hakobune smoke $(ARGS)
	@$(BIN)/hakobune submit --create-compute --register $(ARGS)

rehearse: image ## the same, nothing changed but variables, against a stand-in for Azure ML on this machine
	@$(BIN)/python -m drydock start && ( trap '$(BIN)/python -m drydock stop' EXIT; trap 'exit 130' INT TERM; found="$$($(BIN)/python -m drydock env)" && eval "$$found" && HAKOBUNE_REHEARSAL=1 $(MAKE) --no-print-directory -o image push-and-submit )

test: image check libraries ## everything that CI runs: format, lint, types, unit and container tests
	@$(BIN)/pytest -n 2 --dist loadgroup

image: engine .venv/ready ## build the image (unchanged: a second)
	@$(BIN)/hakobune build

mlflow: image ## MLflow's pages over ./runs on 127.0.0.1:5000 (Ctrl-C ends them)
	@cd docker/mlflow && ../../$(BIN)/hakobune build
	@docker compose up mlflow

engine: ## a Docker engine, the running one or a new one
	@docker/engine.sh ensure

check: .venv/ready ## format, lint, types, shell scripts
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/mypy && $(BIN)/shellcheck docker/*.sh docker/base/*.sh environments/*.sh

quick: check libraries ## checks and unit tests, in seconds, without Docker
	@$(BIN)/pytest -n 2 tests/unit

format: .venv/ready ## put the code into its form
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

libraries: .venv/ready ## compile the C files beside the source, as the image does (unchanged: 0.2 s)
	@$(BIN)/hakobune compile

bench-search: libraries .venv-bench/ready ## the search beside pmdarima, statsforecast, skforecast and R (an hour; ARGS="--only long")
	@PYTHONPATH=benchmarks $(BIN)/python -m search $(ARGS)

proof: image libraries ## the promises of docs/reference/reproducibility.md, shown: images, models, broken chains (ARGS="--only flips")
	@PYTHONPATH=benchmarks $(BIN)/python -m proof $(ARGS)

docs: .venv/ready ## write the generated pages of docs/reference anew
	@$(BIN)/python docs/reference/generate.py
	@$(BIN)/python -m drydock.route_list docs/reference/drydock.md

relock: .venv/ready ## lock the development packages anew, each to its newest release
	@$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-annotate --no-emit-index-url --no-header --group test pyproject.toml -o environments/dev.lock
	@$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-annotate --no-emit-index-url --no-header benchmarks/search/engines.in -o benchmarks/search/engines.lock

clean: ## remove .venv and what tools left behind; runs and images stay
	@rm -rf .venv .venv-bench .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

.venv/ready: environments/dev.lock pyproject.toml
	@environments/venv.sh $(PYTHON)

.venv-bench/ready: benchmarks/search/engines.lock
	@echo "python: making .venv-bench, the other engines" >&2
	@rm -rf .venv-bench && $(PYTHON) -m venv .venv-bench && .venv-bench/bin/pip install -qq --disable-pip-version-check --no-compile --require-hashes --only-binary :all: -r $< && touch $@

.PHONY: help train push-and-submit rehearse test image mlflow engine check quick format libraries bench-search proof docs relock clean
