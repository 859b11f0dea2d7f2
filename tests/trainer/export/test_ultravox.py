"""An exported folder says what the checkpoint says, in a process that has transformers alone."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from transformers import AutoTokenizer, WhisperFeatureExtractor

from tests.trainer.export import ultravox
from tests.trainer.golden import golden
from voxsmith.trainer import checkpoint
from voxsmith.trainer.checkpoint import BadCheckpoint
from voxsmith.trainer.cli import main
from voxsmith.trainer.data.mel import log_mel
from voxsmith.trainer.export.folder import NotExportable
from voxsmith.trainer.export.ultravox import export
from voxsmith.trainer.export.ultravox_files.modelling_ultravox import UltravoxConfig, UltravoxModel
from voxsmith.trainer.export.ultravox_files.processing_ultravox import UltravoxProcessor

DECODER = {"layers": 1, "width": 32, "heads": 2, "inner": 32, "units": 20}
SECONDS = (1.03, 2.5, 0.4)
# Reads the folder, hears the clips, and writes what it makes of each of them alone and of all together.
READER = """
import json, sys
import numpy as np, torch
from transformers import AutoModel, AutoProcessor
torch.set_num_threads(1)
folder, clips, out = sys.argv[1:]
model, loading = AutoModel.from_pretrained(folder, trust_remote_code=True, output_loading_info=True)
processor = AutoProcessor.from_pretrained(folder, trust_remote_code=True)
clips = list(np.load(clips).values())
turn = {"role": "user", "content": "<|audio|>\\nPlease directly answer the questions in the user's speech."}
text = processor.tokenizer.apply_chat_template([turn], tokenize=False, add_generation_prompt=True)
said = []
for asked in [*([clip] for clip in clips), clips]:
    inputs = processor(text=[text] * len(asked), audio=asked, sampling_rate=16000)
    with torch.no_grad():
        logits = model(**inputs).logits
    answers = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    said.append({"ids": inputs["input_ids"].tolist(), "logits": logits.tolist(), "answers": answers.tolist()})
keys = ("missing_keys", "unexpected_keys", "mismatched_keys")
json.dump({"said": said, "loading": {key: sorted(map(str, loading[key])) for key in keys},
           "ours": "voxsmith" in sys.modules, "dtype": str(model.dtype)}, open(out, "w"))
"""


def read(folder: Path, tmp_path: Path, clips: list[np.ndarray]) -> dict[str, Any]:
    np.savez(tmp_path / "clips.npz", *clips)
    env = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    env |= {"HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)}
    command = [
        sys.executable,
        "-P",
        "-c",
        READER,
        str(folder),
        str(tmp_path / "clips.npz"),
        str(tmp_path / "said.json"),
    ]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads((tmp_path / "said.json").read_text())


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, {"multi_modal_projector.ln_mid.weight"}),
        ({"adapter": {"kind": "stack_projector", "group": 4, "hidden": 32, "norm": "post"}}, {"multi_modal_projector.ln_post.weight"}),
        (
            {
                "llm": {"learns": "lora", "lora": {"rank": 2, "targets": ["q_proj", "down_proj"]}},
                "encoder": {"learns": "lora", "lora": {"rank": 3, "targets": ["q_proj", "k_proj"]}},
            },
            {"language_model.model.layers.1.mlp.down_proj.weight", "audio_tower.layers.0.self_attn.k_proj.weight"},
        ),
    ],
    ids=["mid", "post", "lora"],
)  # fmt: skip
def test_what_is_read_back_says_what_the_checkpoint_says(
    tmp_path: Path, changes: dict[str, dict[str, Any]], names: set[str]
) -> None:
    own = ultravox.recipe(tmp_path).model_dump(include={"llm", "encoder"})
    place = ultravox.saved(tmp_path, **{part: own.get(part, {}) | change for part, change in changes.items()})
    remarks = export(place, tmp_path / "out")
    built, recipe = checkpoint.load(place)
    clips = [ultravox.clip(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    back = read(tmp_path / "out", tmp_path, clips)
    assert back["loading"] == {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []}
    assert not back["ours"] and back["dtype"] == "torch.float32"
    multiple = 320 * recipe.adapter.group
    assert any(f"{multiple:,} samples" in remark for remark in remarks)
    *alone, together = back["said"]
    answers = []
    for row, (samples, said) in enumerate(zip(clips, alone, strict=True)):
        batch, chat = ultravox.heard(built, samples)
        assert said["ids"][0] == torch.where(batch.speech, len(built.tokenizer), batch.tokens)[0].tolist()
        with torch.no_grad():
            logits = built.network(batch).logits[0]
        torch.testing.assert_close(torch.tensor(said["logits"][0]), logits, atol=2e-4, rtol=1e-4)
        torch.testing.assert_close(torch.tensor(together["logits"][row][-1]), logits[-1], atol=2e-4, rtol=1e-4)
        answers.append(ultravox.greedy(built, batch, chat.end))
        assert said["answers"][0] == answers[-1]
        assert together["answers"][row][: len(answers[-1])] == answers[-1]
    assert len({tuple(answer) for answer in answers}) > 1, "what is heard changes nothing: the test shows nothing"
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        there = set(file.keys())
    assert names <= there and not [name for name in there if "lora" in name or "base_layer" in name]


def test_the_folder_is_as_servers_read_it(tmp_path: Path) -> None:
    export(ultravox.saved(tmp_path, run={"precision": "bf16"}, decoder=DECODER), tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["UltravoxModel"] and config["model_type"] == "ultravox"
    assert config["audio_model_id"] is None and config["text_model_id"] is None
    assert config["audio_config"]["d_model"] == 32 and config["text_config"]["model_type"] == "llama"
    assert (config["projector_act"], config["projector_ln_mid"], config["stack_factor"]) == ("swiglu", True, 8)
    assert config["hidden_size"] == 64 and config["torch_dtype"] == "bfloat16"
    assert config["audio_token_index"] == config["vocab_size"] == config["text_config"]["vocab_size"]
    with safe_open(tmp_path / "out" / "model.safetensors", "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
        types = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
    assert types == {"BF16"} and {name.split(".")[0] for name in shapes} == {
        "audio_tower",
        "multi_modal_projector",
        "language_model",
    }
    assert shapes["multi_modal_projector.linear_1.weight"] == [64, 8 * 32]
    assert shapes["language_model.model.embed_tokens.weight"][0] == config["vocab_size"], "the embedding isn't resized"
    page = (tmp_path / "out" / "README.md").read_text()
    assert "speech decoder is left out" in page and "## Licences" in page and str(tmp_path) not in page
    assert (tmp_path / "out" / "model.safetensors").stat().st_mode == (tmp_path / "out" / "README.md").stat().st_mode


def test_the_modelling_file_agrees_with_the_reference() -> None:
    """The whole model against what Ultravox' own code made of clips that are alone; here they are in a batch, too."""
    tensors, made = golden("ultravox_kd")
    config = UltravoxConfig(
        audio_config={"model_type": "whisper", **made["audio_config"]},
        text_config={"model_type": "llama", **made["text_config"]},
        audio_token_index=made["text_config"]["vocab_size"],
        **{key: made["ultravox"][key] for key in ("hidden_size", "stack_factor", "projector_ln_mid")},
    )
    model = UltravoxModel(config).eval()
    parts = ("audio_tower.", "multi_modal_projector.", "language_model.")
    model.load_state_dict({name: value for name, value in tensors.items() if name.startswith(parts)})
    lengths, places = tensors["batch.audio_lens"], tensors["batch.audio_token_start_idx"]
    with torch.no_grad():
        heard = model.hear(tensors["batch.audio_values"], lengths)
        wanted = torch.cat([tensors[f"alone.{row}.audio_embeds"][0] for row in range(3)])
        torch.testing.assert_close(heard, wanted, atol=5e-6, rtol=1e-5)
        for row, length in enumerate(lengths.tolist()):
            logits = tensors[f"alone.{row}.student_logits"]
            ids = tensors["batch.input_ids"][row : row + 1, : logits.shape[1]].clone()
            start = int(places[row])
            ids[:, start : start + int(tensors["batch.audio_token_len"][row])] = config.audio_token_index
            mel = tensors["batch.audio_values"][row : row + 1, :, :length]
            out = model(input_ids=ids, audio_values=mel, audio_lens=lengths[row : row + 1])
            torch.testing.assert_close(out.logits, logits, atol=1e-4, rtol=1e-4)


def test_a_long_clip_is_heard_in_chunks_and_wrong_input_is_refused(tmp_path: Path) -> None:
    export(ultravox.saved(tmp_path), tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    extractor = WhisperFeatureExtractor.from_pretrained(tmp_path / "out")
    processor = UltravoxProcessor(extractor, tokenizer)
    long, short = ultravox.clip(9.05, 1), ultravox.clip(0.2, 2)  # this encoder hears 4 seconds at a time
    made = processor(
        text=["<|start|> <|audio|> user <|audio|>", "<|audio|>"],
        audios=[long, short, np.zeros(0, np.float32)],
        sampling_rate=16000,
        include_audio_num_chunks=True,
    )
    assert made["audio_lens"].tolist() == [400, 400, 112, 32, 16]
    assert made["audio_token_len"].tolist() == [25, 25, 7, 2, 1]
    assert made["audio_num_chunks"].tolist() == [3, 1, 1] and made["audio_batch_size"].tolist() == [4, 1]
    assert made["audio_token_start_idx"].tolist() == [1, 26, 51, 59, 60]
    assert made["audio_values"].shape == (5, 16, 400) and made["input_ids"].shape == (2, 61)
    places = made["input_ids"] == len(tokenizer) - 1
    assert places.sum(1).tolist() == [59, 1] and made["attention_mask"].sum(1).tolist() == [61, 1]
    assert "input_ids" not in processor(audio=short, sampling_rate=16000)
    for wrong, words in (
        ({"text": "<|audio|>", "audio": [short, short], "sampling_rate": 16000}, "2 clips"),
        ({"text": "<|audio|><|audio|>", "audio": short, "sampling_rate": 16000}, "more often"),
        ({"text": "<|audio|>", "audio": short, "sampling_rate": 8000}, "16000 Hz"),
        ({"text": "<|audio|>", "audio": short[:, None], "sampling_rate": 16000}, "one channel"),
    ):
        with pytest.raises(ValueError, match=words):
            processor(**wrong)


def test_what_is_trained_on_is_what_is_served(tmp_path: Path) -> None:
    """Mel of a clip at training and in the folder's processor, bit for bit; lengths by hand: 8 frames, 0.16 s each."""
    place = ultravox.saved(tmp_path)
    export(place, tmp_path / "out")
    network = checkpoint.load(place)[0].network
    extractor = WhisperFeatureExtractor.from_pretrained(tmp_path / "out")
    processor = UltravoxProcessor(extractor, AutoTokenizer.from_pretrained(tmp_path / "out"))
    for samples, seconds in ((1, 0.16), (2560, 0.16), (2561, 0.32), (16000, 1.12), (63999, 4.0), (64000, 4.0)):
        assert network.seconds(samples) == seconds
        clip = ultravox.clip(4.0, samples)[:samples]
        (served,) = processor(audio=clip, sampling_rate=16000)["audio_values"]
        assert torch.equal(log_mel(clip, 16, network.seconds(samples)), served), samples


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"adapter": {"kind": "speech_adapter", "hidden": 16}}, "adapter.kind is speech_adapter.*llama_omni"),
        ({"encoder": {"model": "whisper", "pad_to_30s": True}}, "encoder.pad_to_30s"),
        ({"llm": {"model": "llm", "prompt": "llama_omni"}}, "llm.prompt is llama_omni.*chat_template"),
    ],
)
def test_what_is_no_ultravox_is_refused_before_anything_loads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], words: str
) -> None:
    (tmp_path / "recipe.json").write_text(ultravox.recipe(Path("nowhere"), **changes).model_dump_json())
    assert main(["export", str(tmp_path), "--to", "ultravox", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert re.search(words, printed.err) and printed.err.count("\n") == 1 and not printed.out
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_stays(tmp_path: Path) -> None:
    place = ultravox.saved(tmp_path)
    with pytest.raises(NotExportable, match="already"):
        export(place, tmp_path)
    with pytest.raises(BadCheckpoint, match=r"recipe\.json"):
        export(tmp_path / "llm", tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))
