"""A real vLLM on the CPU serves an exported folder and says what the checkpoint says: `make test-vllm` runs this."""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig, WhisperModel

from tests.trainer import folders
from tests.trainer.export import ultravox
from voxsmith.trainer import checkpoint
from voxsmith.trainer.export.ultravox import export

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(900)]
SECONDS = (1.03, 3.71, 0.4, 2.5, 3.2, 1.9)  # short ones beside longer ones; none fills its last embedding
MOST = 12  # tokens of an answer
QUIET = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_HOST_IP": "127.0.0.1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "2",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "NO_PROXY": "127.0.0.1",
}
# All prompts are there before the first step, so that their clips share a batch; nothing comes out of a cache.
BATCH = """
import json, sys
import numpy as np
from vllm import LLM, SamplingParams

folder, clips, prompt, most, out = sys.argv[1:]
llm = LLM(folder, trust_remote_code=True, dtype="float32", enforce_eager=True, max_model_len=512, max_num_seqs=8,
          enable_prefix_caching=False, mm_processor_cache_gb=0, kv_cache_memory_bytes=2**28)
asked = [{"prompt": prompt, "multi_modal_data": {"audio": (clip, 16000)}} for clip in np.load(clips).values()]
made = llm.generate(asked, SamplingParams(temperature=0, max_tokens=int(most), logprobs=1))
said = [{"tokens": list(one.outputs[0].token_ids), "first": one.outputs[0].logprobs[0][one.outputs[0].token_ids[0]].logprob}
        for one in made]
json.dump(said, open(out, "w"))
"""


@dataclass
class Exported:
    """The folder, clips (as 16-bit files hold them), the prompt's text, and of each clip what the checkpoint says: tokens,
    the first one's log-probability, text.
    """

    folder: Path
    clips: list[np.ndarray]
    prompt: str
    tokens: list[list[int]]
    first: list[float]
    texts: list[str]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    folder = tmp_path_factory.mktemp("ultravox")
    _models(folder)
    place = ultravox.saved(folder)
    export(place, folder / "out")
    built, _ = checkpoint.load(place)
    clips = [np.round(ultravox.clip(seconds, n) * 32767).astype(np.int16) for n, seconds in enumerate(SECONDS)]
    made = Exported(folder / "out", [clip.astype(np.float32) / 32768 for clip in clips], "", [], [], [])
    for clip in made.clips:
        batch, chat = ultravox.heard(built, clip)
        made.tokens.append(ultravox.greedy(built, batch, chat.end, MOST))
        with torch.no_grad():
            made.first.append(float(built.network(batch).logits[0, -1].log_softmax(-1).max()))
        made.texts.append(built.tokenizer.decode(made.tokens[-1], skip_special_tokens=True))
    turn = {"role": "user", "content": ultravox.REQUEST.replace(ultravox.MARKER, "<|audio|>")}
    made.prompt = built.tokenizer.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
    assert len({tuple(tokens) for tokens in made.tokens}) > 3, "what is heard changes nothing: the test shows nothing"
    return made


def _models(folder: Path) -> None:
    """Random ones with heads of a size that vLLM has kernels for."""
    torch.manual_seed(3)
    words = folders.tokenizer()
    words.save_pretrained(folder / "llm")
    llama = {"hidden_size": 128, "intermediate_size": 160, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {"vocab_size": len(words), "bos_token_id": None, "eos_token_id": words.eos_token_id}
    LlamaForCausalLM(LlamaConfig(**llama, **ids, max_position_embeddings=512, initializer_range=0.2)).save_pretrained(
        folder / "llm"
    )
    whisper = {"num_mel_bins": 16, "d_model": 128, "encoder_layers": 2, "encoder_attention_heads": 2}
    rest = {"encoder_ffn_dim": 64, "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 16}
    ids = {"vocab_size": 200, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = WhisperConfig(**whisper, **rest, **ids, max_source_positions=200, init_std=0.1)
    WhisperModel(config).save_pretrained(folder / "whisper")


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, **QUIET, "HF_HOME": str(folder / "home")}


def test_clips_that_share_a_batch_say_what_each_says_alone(exported: Exported, tmp_path: Path) -> None:
    np.savez(tmp_path / "clips.npz", *exported.clips)
    command = [
        sys.executable,
        "-c",
        BATCH,
        str(exported.folder),
        str(tmp_path / "clips.npz"),
        exported.prompt,
        str(MOST),
    ]
    # With the engine in a process of its own the first prompts would run before the last ones are there.
    env = _environment(tmp_path) | {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    done = subprocess.run(
        [*command, str(tmp_path / "said.json")], env=env, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads((tmp_path / "said.json").read_text())
    assert [one["tokens"] for one in said] == exported.tokens
    assert [one["first"] for one in said] == pytest.approx(exported.first, abs=1e-3)


@pytest.fixture(scope="module")
def server(exported: Exported, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `vllm serve FOLDER --trust-remote-code` on loopback."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "tiny", "--trust-remote-code"]
    sizes = ["--dtype", "float32", "--max-model-len", "512", "--max-num-seqs", "8", "--enforce-eager"]
    memory = ["--kv-cache-memory-bytes", str(2**28)]
    entry = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(exported.folder)]
    with open(folder / "printed.log", "wb") as output:
        process = subprocess.Popen(
            [*entry, *arguments, *sizes, *memory],
            env=_environment(folder),
            cwd=folder,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        for _ in range(600):
            assert process.poll() is None, (folder / "printed.log").read_text()[-3000:]
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                    break
            except OSError:
                time.sleep(1)
        else:
            raise AssertionError((folder / "printed.log").read_text()[-3000:])
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)


def answer(address: str, clip: np.ndarray) -> tuple[str, list[int]]:
    """Text and tokens that the server answers a wav file with."""
    wav = io.BytesIO()
    soundfile.write(wav, clip, 16000, "PCM_16", format="WAV")
    sound = {"data": base64.b64encode(wav.getvalue()).decode(), "format": "wav"}
    request = ultravox.REQUEST.removeprefix(f"{ultravox.MARKER}\n")
    content = [{"type": "input_audio", "input_audio": sound}, {"type": "text", "text": request}]
    body: dict[str, Any] = {"model": "tiny", "messages": [{"role": "user", "content": content}]}
    body |= {"temperature": 0, "max_tokens": MOST, "return_token_ids": True}
    asked = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=300) as reply:
        choice = json.load(reply)["choices"][0]
    return choice["message"]["content"], choice["token_ids"]


def test_a_server_answers_wav_files(exported: Exported, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    alone = answer(server, exported.clips[0])
    assert alone[1] == exported.tokens[0] and alone[0].split() == exported.texts[0].split()
    with ThreadPoolExecutor(len(exported.clips) - 1) as pool:
        replies = list(pool.map(lambda clip: answer(server, clip), exported.clips[1:]))
    assert [tokens for _, tokens in replies] == exported.tokens[1:]
    assert [text.split() for text, _ in replies] == [text.split() for text in exported.texts[1:]]
