# Everything that one does with the book. `make help` lists it.
# It needs make, git and Python 3.11 or newer; the rest goes into .venv by itself.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
PRESS = PYTHONPATH="$(CURDIR)" $(VENV)/bin/python -m press

# Said when a person chose the Python: then a .venv of another version is made anew.
CHOSEN := $(if $(filter-out default file undefined,$(origin PYTHON)),explicit)

.DEFAULT_GOAL := help
.PHONY: help book notebooks chapter serve lab test report links clean lock install

help: ## Show this list
	@echo 'Deep Learning: A Book That Runs'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
	  while IFS='|' read -r name what; do printf '%-18s %s\n' "$$name" "$$what"; done

book: install ## Execute what changed and build the notebooks and the site
	@$(PRESS) book

notebooks: install ## Build the notebooks only
	@$(PRESS) notebooks

chapter: install ## Execute and show one chapter: NAME=foundations/linear_filtering
	@$(PRESS) chapter "$(NAME)"

serve: install ## Build, serve on this machine (PORT=8000), rebuild on every change
	@$(PRESS) serve --port "$(PORT)"

lab: install ## Open JupyterLab, where a chapter's .md opens as a notebook
	@$(PRESS) lab

test: install ## Check everything: code, chapters, notebooks, the site in a browser
	@$(PRESS) test

report: install ## Show each chapter's seconds, page weight, figures, claims, exercises
	@$(PRESS) report

links: install ## Try every link to another site
	@$(PRESS) links

clean: ## Remove what was built; .venv stays
	@rm -rf _build && echo 'Removed _build'

# torch brings its GPU packages along by itself where a machine needs them.
lock: install ## Pin every package anew: requirements.in to requirements.txt
	@$(VENV)/bin/python -m pip install --quiet uv
	@$(VENV)/bin/python -m uv pip compile requirements.in --universal \
	  --python-version 3.11 --no-header --no-annotate --quiet -o $(VENV)/lock.txt
	@grep -Ev '^(triton|nvidia-|cuda-)' $(VENV)/lock.txt > $(VENV)/lock.part
	@mv $(VENV)/lock.part requirements.txt
	@echo 'requirements.txt is new; `make test` installs and tries it.'

install:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  test -x $(VENV)/bin/python && test -z "$(CHOSEN)" || { \
	  echo 'make: there is no $(PYTHON) here; install Python 3.11 or newer, or name' \
	    'one: make book PYTHON=/path/to/python3.12' >&2; exit 1; }; }
	@if command -v "$(PYTHON)" >/dev/null 2>&1; \
	  then "$(PYTHON)" -I press/install.py $(VENV) $(CHOSEN); \
	  else $(VENV)/bin/python -I press/install.py $(VENV); fi
