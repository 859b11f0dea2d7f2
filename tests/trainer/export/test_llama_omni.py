"""What LLaMA-Omni's inference code reads of a folder: names, shapes and keys are typed here by hand, from what it was seen to
read. And the folder gives what the checkpoint gave.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.trainer import tiny
from tests.trainer.export import made
from voxsmith.trainer import checkpoint
from voxsmith.trainer.cli import main
from voxsmith.trainer.export.folder import NotExportable
from voxsmith.trainer.export.llama_omni import export
from voxsmith.trainer.export.read_llama_omni import read
from voxsmith.trainer.networks.decoder import Collapse
from voxsmith.trainer.networks.speech_llm import SpeechLLM, answer_states

# LLM: 320 tokens, 32 wide, 4 heads with 2 of keys; encoder 16 wide; decoder (2,24,2,40) with 50 units.
LAYER = {
    "self_attn.q_proj.weight": [32, 32],
    "self_attn.k_proj.weight": [16, 32],
    "self_attn.v_proj.weight": [16, 32],
    "self_attn.o_proj.weight": [32, 32],
    "mlp.gate_proj.weight": [48, 32],
    "mlp.up_proj.weight": [48, 32],
    "mlp.down_proj.weight": [32, 48],
    "input_layernorm.weight": [32],
    "post_attention_layernorm.weight": [32],
}
LLM = {
    "model.embed_tokens.weight": [320, 32],
    "model.norm.weight": [32],
    "lm_head.weight": [320, 32],
    **{f"model.layers.0.{name}": shape for name, shape in LAYER.items()},
}
PROJECTOR = {
    "model.speech_projector.linear1.weight": [2048, 80],
    "model.speech_projector.linear1.bias": [2048],
    "model.speech_projector.linear2.weight": [32, 2048],
    "model.speech_projector.linear2.bias": [32],
}
SAID = {
    "self_attn.q_proj.weight": [24, 24],
    "self_attn.k_proj.weight": [24, 24],
    "self_attn.v_proj.weight": [24, 24],
    "self_attn.o_proj.weight": [24, 24],
    "mlp.gate_proj.weight": [40, 24],
    "mlp.up_proj.weight": [40, 24],
    "mlp.down_proj.weight": [24, 40],
    "input_layernorm.weight": [24],
    "post_attention_layernorm.weight": [24],
}
GENERATOR = {
    "speech_generator.input_proj.weight": [24, 32],
    "speech_generator.input_proj.bias": [24],
    "speech_generator.output_proj.weight": [51, 24],
    "speech_generator.output_proj.bias": [51],
    **{f"speech_generator.layers.{n}.{name}": shape for n in (0, 1) for name, shape in SAID.items()},
}
LLM_KEYS = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
    "rms_norm_eps": 1e-5,
    "attention_bias": False,
    "attention_dropout": 0.0,
    "mlp_bias": False,
    "tie_word_embeddings": False,
    "bos_token_id": 0,
    "pad_token_id": None,
    "eos_token_id": [1, 4],
    "use_cache": True,
    "rope_theta": 500000.0,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
    "torch_dtype": "float32",
    "transformers_version": "4.43.4",
}
SPEECH_KEYS = {
    "tokenizer_padding_side": "right",
    "tokenizer_model_max_length": 512,
    "speech_encoder": "model/speech_encoder.pt",
    "speech_encoder_type": "whisper",
    "speech_encoder_hidden_size": 16,
    "speech_encoder_ds_rate": 5,
    "speech_projector_type": "linear",
    "speech_normalize": False,
    "pad_to_30s": True,
}
DECODER_KEYS = {
    "speech_generator_type": "ctc",
    "ctc_decoder_config": "(2,24,2,40)",
    "ctc_upsample_factor": 6,
    "ctc_loss_weight": 1.0,
    "unit_vocab_size": 50,
}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint of the phase units, and its export."""
    folder = tmp_path_factory.mktemp("omni")
    place = made.trained(folder / "run", made.recipe(folder))
    (remark,) = export(place, folder / "out" / "model")
    assert remark.endswith(
        "; it begins with <|begin_of_text|> twice, all else is the same: train with llm.prompt: llama_omni"
    )
    return place, folder / "out" / "model"


def test_a_model_trained_with_the_prompt_of_its_code_has_no_remark(tmp_path: Path) -> None:
    of = made.recipe(tmp_path, llm={"model": str(tmp_path / "llm"), "prompt": "llama_omni"})
    place = made.trained(tmp_path / "run", of)
    assert export(place, tmp_path / "model") == []
    card = (tmp_path / "model" / "README.md").read_text()
    assert "Know before you use it" not in card
    assert (
        "    python omni_speech/infer/infer.py --model-path model --question-file questions.json --answer-file "
        "answers/answers.json --conv-mode llama_3 --input_type mel --mel_size 8 --s2s\n"
    ) in card


def read_json(file: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(file.read_text())
    return values


def test_the_folder_holds_the_files_that_its_loader_opens(exported: tuple[Path, Path]) -> None:
    assert sorted(path.name for path in exported[1].iterdir()) == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "special_tokens_map.json",
        "speech_encoder.pt",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_tensors_have_their_names_and_shapes(exported: tuple[Path, Path]) -> None:
    shapes = {name: list(value.shape) for name, value in load_file(exported[1] / "model.safetensors").items()}
    assert shapes == LLM | PROJECTOR | GENERATOR


def test_config_has_the_names_of_transformers_4(exported: tuple[Path, Path]) -> None:
    kind = {"architectures": ["OmniSpeech2SLlamaForCausalLM"], "model_type": "omni_speech2s_llama"}
    assert read_json(exported[1] / "config.json") == kind | LLM_KEYS | SPEECH_KEYS | DECODER_KEYS
    ends = {"bos_token_id": 0, "eos_token_id": [1, 4, 5], "transformers_version": "4.43.4"}
    assert read_json(exported[1] / "generation_config.json") == ends


def test_the_tokenizer_is_in_the_form_that_tokenizers_0_19_reads(exported: tuple[Path, Path]) -> None:
    settings = read_json(exported[1] / "tokenizer_config.json")
    assert settings["tokenizer_class"] == "PreTrainedTokenizerFast" and settings["chat_template"] == made.TEMPLATE
    assert (settings["bos_token"], settings["eos_token"]) == ("<|begin_of_text|>", "<|eot_id|>")
    merges = read_json(exported[1] / "tokenizer.json")["model"]["merges"]
    assert merges and all(isinstance(merge, str) and len(merge.split(" ")) == 2 for merge in merges)
    text = f"{made.TASKS[0][1]}<|eot_id|>"
    assert read(exported[1]).tokenizer(text)["input_ids"] == made.tokenizer()(text)["input_ids"]


def assert_same(before: SpeechLLM, after: SpeechLLM) -> None:
    """Logits of both, and units, of three rows."""
    before, rows = before.float().eval(), tiny.batch(before, [1, 2, 3])
    with torch.no_grad():
        wanted, got = before(rows), after(rows)
        torch.testing.assert_close(got.logits[rows.attended], wanted.logits[rows.attended], rtol=0, atol=1e-5)
        if before.decoder is None or after.decoder is None:
            return
        units = []
        for network, heard in ((before, wanted), (after, got)):
            logits, frames = network.decoder(*answer_states(heard.states, rows.labels))
            said = [row[:count].argmax(-1).tolist() for row, count in zip(logits, frames, strict=True)]
            units.append([Collapse(network.decoder.blank)(row) for row in said])
            logits_of = [row[:count] for row, count in zip(logits, frames, strict=True)]
            units[-1].append(torch.cat(logits_of))
    torch.testing.assert_close(units[1].pop(), units[0].pop(), rtol=0, atol=1e-5)
    assert units[0] == units[1] and any(len(row) > 1 for row in units[0])


def test_it_says_what_the_checkpoint_said(exported: tuple[Path, Path]) -> None:
    place, out = exported
    assert_same(checkpoint.load(place)[0].network, read(out).network)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_low_rank_updates_of_llm_and_encoder_are_merged(tmp_path: Path, precision: str) -> None:
    updates = {"rank": 2, "alpha": 4, "targets": ["q_proj", "v_proj"]}
    llm = {"model": str(tmp_path / "llm"), "learns": "lora", "lora": updates}
    encoder = {"model": str(tmp_path / "whisper"), "learns": "lora", "lora": updates}
    of = made.recipe(tmp_path, phase="answer", llm=llm, encoder=encoder, decoder=None, run={"precision": precision})
    place = made.trained(tmp_path / "run", of)
    export(place, tmp_path / "model")
    shapes = {name: list(value.shape) for name, value in load_file(tmp_path / "model" / "model.safetensors").items()}
    assert shapes == LLM | PROJECTOR
    network = checkpoint.load(place)[0].network
    assert_same(network, read(tmp_path / "model").network)


def test_a_model_that_answers_in_text_has_no_decoder(tmp_path: Path) -> None:
    made.llm(tmp_path / "llm", tied=True)
    encoder = {"model": str(tmp_path / "whisper"), "pad_to_30s": False}
    place = made.trained(tmp_path / "run", made.recipe(tmp_path, phase="answer", encoder=encoder))
    _, short, silent = export(place, tmp_path / "model")
    assert short.startswith("the speech encoder was trained on clips at their true length")
    assert silent.startswith("it has no speech decoder")
    assert all(f"- {remark}" in (tmp_path / "model" / "README.md").read_text() for remark in (short, silent))
    assert set(load_file(tmp_path / "model" / "model.safetensors")) == set(LLM | PROJECTOR)
    kind = {"architectures": ["OmniSpeechLlamaForCausalLM"], "model_type": "omni_speech_llama"}
    wanted = kind | LLM_KEYS | SPEECH_KEYS | {"tie_word_embeddings": True, "pad_to_30s": False}
    assert read_json(tmp_path / "model" / "config.json") == wanted
    assert_same(checkpoint.load(place)[0].network, read(tmp_path / "model").network)


def test_large_weights_are_in_parts_with_an_index(
    exported: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voxsmith.trainer.export.llama_omni.PART", "300KB")
    export(exported[0], tmp_path / "model")
    index = read_json(tmp_path / "model" / "model.safetensors.index.json")["weight_map"]
    files = sorted(path.name for path in (tmp_path / "model").glob("*.safetensors"))
    assert len(files) > 1 and files[0] == f"model-00001-of-{len(files):05}.safetensors"
    assert {name: index[name] for file in files for name in load_file(tmp_path / "model" / file)} == index
    assert set(index) == set(LLM | PROJECTOR | GENERATOR)
    assert_same(checkpoint.load(exported[0])[0].network, read(tmp_path / "model").network)


def test_what_its_code_can_t_load_is_one_line(tmp_path: Path) -> None:
    decoder = {"layers": 1, "width": 24, "heads": 2, "inner": 40, "units": 50, "upsampling": 6}

    def refusal(**changes: Any) -> str:
        place = made.trained(tmp_path / "run", made.recipe(tmp_path, **changes))
        with pytest.raises(NotExportable) as refused:
            export(place, tmp_path / "model")
        assert not (tmp_path / "model").exists()
        return str(refused.value)

    assert refusal(decoder=decoder | {"phase": True}).startswith("decoder.phase is true: ")
    assert refusal(adapter={"kind": "stack_projector", "group": 8}).startswith("adapter.kind is stack_projector: ")
    assert refusal(adapter={"hidden": 1024}).startswith("adapter.hidden is 1024: it is 2048 ")
    made.whisper(tmp_path / "short", positions=200)
    assert "has positions for 200 frames" in refusal(encoder={"model": str(tmp_path / "short")})
    made.whisper(tmp_path / "narrow", inner=32)
    assert "32 wide: OpenAI's are 4 x 16" in refusal(encoder={"model": str(tmp_path / "narrow")})


def test_another_llm_than_a_llama_is_refused(tmp_path: Path) -> None:
    from transformers import MistralConfig, MistralForCausalLM

    of = made.recipe(tmp_path)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 4}
    mistral = MistralForCausalLM(MistralConfig(vocab_size=320, num_key_value_heads=2, **small))
    mistral.save_pretrained(tmp_path / "mistral")
    made.tokenizer().save_pretrained(tmp_path / "mistral")
    of = of.model_copy(update={"llm": of.llm.model_copy(update={"model": str(tmp_path / "mistral")})})
    place = made.trained(tmp_path / "run", of)
    with pytest.raises(NotExportable, match=r"llm\.model is of the type mistral: LLaMA-Omni's code loads a Llama"):
        export(place, tmp_path / "model")


def test_weights_that_float16_can_t_hold_are_refused(tmp_path: Path) -> None:
    of = made.recipe(tmp_path)
    place = made.trained(tmp_path / "run", of)
    built, _ = checkpoint.load(place)
    with torch.no_grad():
        built.network.decoder.output_proj.bias[3] = 70000
    optimiser = torch.optim.AdamW(built.network.parameters())
    place = checkpoint.save(tmp_path / "run", built.network, optimiser, checkpoint.State(step=8), of)
    with pytest.raises(NotExportable, match=r"^speech_generator\.output_proj\.bias has values beyond 65504"):
        export(place, tmp_path / "model")


def test_from_the_command_line(exported: tuple[Path, Path], tmp_path: Path, capsys: Any) -> None:
    place, _ = exported
    out = tmp_path / "model"
    assert main(["export", str(place), "--to", "llama_omni", str(out)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [f"exported  {out}"]
    assert main(["export", str(place), "--to", "llama_omni", str(out)]) == 2
    assert capsys.readouterr().err == f"{out}: something is there already; name another folder, or remove it\n"
    assert main(["export", str(tmp_path), "--to", "llama_omni", str(tmp_path / "other")]) == 2
    assert capsys.readouterr().err.startswith(f"{tmp_path}: no checkpoint: it lacks recipe.json")
    with pytest.raises(SystemExit) as ended:
        main(["export", str(place), "--to", "gguf", str(tmp_path / "other")])
    assert ended.value.code == 2 and "invalid choice: 'gguf'" in capsys.readouterr().err
