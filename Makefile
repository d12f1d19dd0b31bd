# Two commands matter: `make run` and `make test`. Both install what they need first.
PYTHON ?= python3
SERVE  := .venv
TRAIN  := .venv-training
# pip 23 resolves the same set, but much more slowly.
PIP     = bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock
FONTS   = fonts-3270 fonts-agave fonts-anonymous-pro fonts-b612 fonts-bebas-neue fonts-cantarell fonts-cmu \
          fonts-courier-prime fonts-croscore fonts-dejavu-core fonts-dotgothic16 fonts-fantasque-sans fonts-firacode \
          fonts-freefont-ttf fonts-gnutypewriter fonts-go fonts-hack fonts-hermit fonts-inconsolata \
          fonts-jetbrains-mono fonts-jura fonts-lato fonts-league-mono fonts-liberation fonts-monofur fonts-monoid \
          fonts-mononoki fonts-mplus fonts-noto-mono fonts-ocr-b fonts-open-sans fonts-paratype fonts-roboto-slab \
          fonts-roboto-unhinted fonts-spleen fonts-terminus fonts-texgyre fonts-unifont fonts-urw-base35

.PHONY: run test check install install-training install-test lock clean

run: install  ## start everything on this machine; Ctrl-C stops it
	@$(SERVE)/bin/python -m deploy.local

test: install-test check  ## install what the tests need and run everything
	$(TRAIN)/bin/python -m pytest

check: install-test  ## lint, format and types
	$(TRAIN)/bin/ruff check .
	$(TRAIN)/bin/ruff format --check .
	$(TRAIN)/bin/mypy

install: $(SERVE)/.done  ## the serving set; never torch

install-training: $(TRAIN)/.done  ## torch and the fonts of the bill generator; the training location then joins `make run`

install-test: $(TRAIN)/.test

$(SERVE)/.done: pyproject.toml requirements.lock
	@deploy/debian-packages python3-venv
	@echo "Installing Bill OCR into $(SERVE); this takes a minute or two the first time."
	@$(PYTHON) -m venv $(SERVE)
	@$(SERVE)/$(PIP) -e .
	@touch $@

$(TRAIN)/.done: pyproject.toml requirements.lock
	@deploy/debian-packages python3-venv $(FONTS)
	@echo "Installing the training set into $(TRAIN); torch alone takes 750 MB."
	@$(PYTHON) -m venv $(TRAIN)
	@$(TRAIN)/$(PIP) torch==2.13.0
	@$(TRAIN)/$(PIP) -e '.[training]'
	@touch $@

$(TRAIN)/.test: $(TRAIN)/.done
	@deploy/debian-packages chromium postgresql
	@$(TRAIN)/$(PIP) -e '.[training,test]'
	@touch $@

lock:  ## resolve anew and write requirements.lock
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet -e '.[training,test]'
	.venv-lock/bin/python -m pip freeze --exclude-editable --exclude torch > requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf $(SERVE) $(TRAIN) .billocr
