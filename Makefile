# Two commands matter: `make run` and `make test`. Both install what they need first.
PYTHON ?= python3
SERVE  := .venv
TRAIN  := .venv-training
PEERS  := .venv-bench
TERRA  := .venv-terraform
# pip 23 resolves the same set, but much more slowly.
PIP     = bin/python -m pip install --quiet --disable-pip-version-check -c requirements.lock
FONTS   = fonts-3270 fonts-adf-gillius fonts-adf-universalis fonts-adf-verana fonts-agave fonts-anonymous-pro \
          fonts-b612 fonts-bebas-neue fonts-cabin fonts-cantarell fonts-cmu fonts-courier-prime fonts-croscore \
          fonts-crosextra-caladea fonts-crosextra-carlito fonts-dejavu-core fonts-dosis fonts-dotgothic16 \
          fonts-fantasque-sans fonts-firacode fonts-freefont-ttf fonts-gnutypewriter fonts-go fonts-hack \
          fonts-hermit fonts-inconsolata fonts-inter fonts-jetbrains-mono fonts-junction fonts-jura fonts-karla \
          fonts-lato fonts-league-mono fonts-liberation fonts-linuxlibertine fonts-monofur fonts-monoid \
          fonts-mononoki fonts-mplus fonts-noto-mono fonts-noto-ui-core fonts-ocr-b fonts-open-sans fonts-oxygen \
          fonts-paratype fonts-play fonts-proggy fonts-quicksand fonts-ricty-diminished fonts-roboto-slab \
          fonts-roboto-unhinted fonts-sil-andika fonts-sil-charis fonts-sora fonts-spleen fonts-terminus \
          fonts-texgyre fonts-tiresias fonts-tlwg-mono-ttf fonts-tlwg-typewriter-ttf fonts-tuffy fonts-unifont \
          fonts-urw-base35 fonts-vollkorn fonts-yanone-kaffeesatz

BILLS  ?= 40

.PHONY: run test check bench install install-training install-test install-bench lock clean

run: install  ## start everything on this machine; Ctrl-C stops it
	@$(SERVE)/bin/python -m deploy.local

test: install-test check  ## install what the tests need and run everything
	$(TRAIN)/bin/python -m pytest

check: install-test  ## lint, format and types
	$(TRAIN)/bin/ruff check .
	$(TRAIN)/bin/ruff format --check .
	$(TRAIN)/bin/mypy

bench: install-bench  ## read the annotated receipts in PACK beside other readers: accuracy, time, memory
	@test -d "$(PACK)" || { echo "Which receipts? make bench PACK=folder-of-annotated-receipts" >&2; exit 2; }
	$(PEERS)/bin/python -m tests.benchmarks.bench_reading "$(PACK)" --bills $(BILLS)
	$(PEERS)/bin/python -m tests.benchmarks.bench_cost "$(PACK)"

install: $(SERVE)/.done  ## the serving set; never torch

install-training: $(TRAIN)/.done  ## torch and the fonts of the bill generator; the training location then joins `make run`

install-test: $(TRAIN)/.test $(if $(shell command -v terraform),$(TERRA)/.done)

install-bench: $(PEERS)/.done

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

# checkov wants an older packaging than ours, hence its own environment; its own set is in `tests/terraform`.
$(TERRA)/.done: tests/terraform/checkov.lock tests/terraform/provider-schemas.lock
	@$(PYTHON) -m venv $(TERRA)
	@$(TERRA)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/terraform/checkov.lock
	@$(TERRA)/bin/python -m pip download --quiet --disable-pip-version-check --no-deps \
		--dest $(TERRA)/provider-schemas -r tests/terraform/provider-schemas.lock
	@touch $@

$(PEERS)/.done: pyproject.toml requirements.lock
	@deploy/debian-packages python3-venv tesseract-ocr tesseract-ocr-deu
	@echo "Installing the readers to compare with into $(PEERS)."
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/$(PIP) -e '.[bench]'
	@touch $@

lock:  ## resolve anew and write requirements.lock
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet torch==2.13.0
	.venv-lock/bin/python -m pip install --quiet -e '.[training,test]'
	.venv-lock/bin/python -m pip freeze --exclude-editable --exclude torch > requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf $(SERVE) $(TRAIN) $(PEERS) $(TERRA) .billocr
