.PHONY: help inspect test faults check docs bench agent-package set-up

help: ## Show what can be made.
	@scripts/help

set-up: ## Make .venv from requirements.lock (hash-pinned).
	@scripts/set-up

inspect: set-up ## Inspect this machine, judge it, write the report to var/here/report/.
	@scripts/inspect $(ARGUMENTS)

test: set-up ## Pass everything: checks of the code, then all tests (installs what they need).
	@scripts/test $(ARGUMENTS)

faults: set-up ## Run every test of a fault, the long runs too, and print what they counted.
	@scripts/faults $(ARGUMENTS)

check: set-up ## ruff, mypy --strict, import contracts, generated files, no registry host in the lock.
	@scripts/check

docs: set-up ## Write what is generated: docs/checks/ and wire/schema.json.
	@scripts/docs

bench: set-up ## Measure the budgets of the design beside their peers, as a table.
	@scripts/bench $(ARGUMENTS)

agent-package: set-up ## Build the agent for hosts where none is installed (docs/agent-package.md).
	@scripts/agent-package $(ARGUMENTS)
