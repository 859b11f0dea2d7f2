"""What llm_vllm says without vLLM: identity, settings that can't work, the package that is missing."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError
from safetensors.numpy import save_file

from tests.helpers.recipes import ROOT
from voxsmith.models.references import ModelMissing
from voxsmith.pipeline.recipe.nodes import Engine
from voxsmith.stages.engines.llm import vllm as llm_vllm
from voxsmith.stages.engines.llm.vllm_core import check_shards
from voxsmith.stages.requests.llm import Completion


def config(**settings: Any) -> llm_vllm.Config:
    return llm_vllm.Config.model_validate({"model": "hub:someone/model@main"} | settings)


def test_identity_is_of_what_replies_depend_on() -> None:
    plain = llm_vllm.BACKEND.identity(config())
    machine = {"replicas": 2, "num_gpus": 4, "tensor_parallel": 4, "batch": 64, "gpu_memory": 0.8, "eager": True}
    assert llm_vllm.BACKEND.identity(config(resources=machine)) == plain
    for changed in ({"dtype": "float16"}, {"context": 2048}, {"quantization": "fp8"}, {"teacher": 5}):
        assert llm_vllm.BACKEND.identity(config(**changed)) != plain
    assert llm_vllm.BACKEND.identity(config(batch_invariant=True)) != plain
    assert llm_vllm.BACKEND.identity(config(adapter="hub:someone/adapter")) != plain


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ({"tensor_parallel": 4}, "needs num_gpus: 4; it is 1"),
        ({"num_gpus": 2}, "needs tensor_parallel: 2; it is 1"),
        ({"num_gpus": 0.5}, "give gpu_memory: 0.5"),
        ({"gpu_memory": 1.2}, "less than or equal to 1"),
        ({"max_num_seqs": 3}, "max_num_seqs"),
    ],
)
def test_settings_that_cannot_work(resources: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        config(resources=resources)


def test_the_batch_invariant_mode_wants_a_gpu() -> None:
    with pytest.raises(ValidationError, match="on GPUs alone"):
        config(batch_invariant=True, resources={"num_gpus": 0})


def test_the_version_is_that_of_the_interpreter_that_is_named(tmp_path: Path) -> None:
    environment = tmp_path / "other"
    metadata = environment / "lib" / "python3.11" / "site-packages" / "vllm-9.8.7.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 9.8.7\n")
    there = config(resources={"python": str(environment / "bin" / "python")})
    assert llm_vllm.BACKEND.identity(there)["version"] == "9.8.7"
    assert llm_vllm.BACKEND.trouble(there) == ""


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)  # as where it isn't installed
    nowhere = config(model=str(tmp_path), resources={"python": str(tmp_path / "bin" / "python")})
    assert llm_vllm.BACKEND.identity(nowhere)["version"] == "not installed"
    assert "pip install 'voxsmith[vllm]'" in llm_vllm.BACKEND.trouble(nowhere)
    with pytest.raises(ModelMissing, match=r"pip install 'voxsmith\[vllm\]'"):
        llm_vllm.BACKEND.load(nowhere)


def test_a_checkpoint_that_is_not_whole_is_told(tmp_path: Path) -> None:
    """vLLM itself doesn't miss what linear layers lack."""
    check_shards(tmp_path)  # one file has no list
    files = {"one.safetensors": ["q_proj", "k_proj"], "two.safetensors": ["v_proj"]}
    weight_map = {weight: name for name, weights in files.items() for weight in weights}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    for says in ("it lacks one.safetensors; was it fetched whole", "it lacks two.safetensors"):
        with pytest.raises(ModelMissing, match=says):
            check_shards(tmp_path)
        for name in [name for name in files if name in says]:
            save_file({weight: np.zeros(2, np.float32) for weight in files[name]}, tmp_path / name)
    check_shards(tmp_path)
    save_file({"k_proj": np.zeros(2, np.float32)}, tmp_path / "one.safetensors")
    with pytest.raises(ModelMissing, match=r"one.safetensors: it lacks q_proj and 0 more that model.safetensors.index"):
        check_shards(tmp_path)
    (tmp_path / "two.safetensors").write_bytes(b"nothing")
    save_file({"q_proj": np.zeros(2, np.float32), "k_proj": np.zeros(2, np.float32)}, tmp_path / "one.safetensors")
    with pytest.raises(ModelMissing, match=r"two.safetensors: broken, or no safetensors"):
        check_shards(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ModelMissing, match=r"index.json: can't be read"):
        check_shards(tmp_path)


def test_a_reply_without_a_teacher_packs_as_it_always_did() -> None:
    assert Completion("hi", "stop", 1).pack() == b'{"finish": "stop", "text": "hi", "tokens": 1}'
    assert Completion.unpack(Completion("hi", "stop", 1).pack()) == Completion("hi", "stop", 1)


def test_twice_a_batch_is_wanted_at_a_time() -> None:
    assert config(resources={"batch": 200}).resources.at_once == 400


@pytest.mark.parametrize(
    ("base", "lora", "stated", "binding"),
    [
        ("apache-2.0", "cc-by-nc-4.0", "", "cc-by-nc-4.0"),
        ("llama3.1", "cc-by-nc-4.0", "", "cc-by-nc-4.0 AND llama3.1"),
        ("apache-2.0", "", "", "unknown"),
        ("apache-2.0", "", "MIT", "MIT"),
        ("cc-by-nc-4.0", "", "MIT", "cc-by-nc-4.0"),
        ("", "", "MIT", "MIT"),
    ],
)
def test_an_adapters_terms_bind_as_its_models_do(
    tmp_path: Path, base: str, lora: str, stated: str, binding: str
) -> None:
    for name, terms in (("base", base), ("lora", lora)):
        (tmp_path / name).mkdir()
        if terms:
            (tmp_path / name / "README.md").write_text(f"---\nlicense: {terms}\n---\n")
    made = config(model=str(tmp_path / "base"), adapter=str(tmp_path / "lora"), licence=stated)
    engine = Engine("llm", "llm_vllm", made)
    assert sorted(engine.licence.split(" AND ")) == sorted(binding.split(" AND "))


PARAMETERS = {"8b": (8.03e9, 1.05e9, 32), "70b": (70.55e9, 2.1e9, 80)}  # all, those of embeddings and output; layers
CARDS = {"24gb": (22.5, 1.5), "48gb": (44.5, 2.0), "80gb": (79.2, 3.0)}  # GiB, GiB that a step needs
ENGINES = yaml.safe_load((ROOT / "configs" / "engines" / "llama.yaml").read_text())


@pytest.mark.parametrize("name", ENGINES)
def test_the_engines_for_llama_fit_their_cards(name: str) -> None:
    """The arithmetic in the file's head, done again."""
    block = dict(ENGINES[name])
    assert block.pop("backend") == "llm_vllm"
    machine = llm_vllm.Config.model_validate(block).resources
    _, size, card, *form = name.split("_")
    parameters, kept, layers = PARAMETERS[size]
    bits = {"fp8": 8, "awq": 4.25}.get("".join(form), 16)
    weights = ((parameters - kept) * bits / 8 + kept * 2) / 2**30
    memory, step = CARDS[card.rpartition("x")[2]]
    assert machine.tensor_parallel == int(card.rpartition("x")[0] or 1) == machine.num_gpus
    room = machine.gpu_memory * memory - weights / machine.tensor_parallel - step
    tokens = room * 2**30 * machine.tensor_parallel / (2 * layers * 8 * 128 * 2)
    assert 0.15 < machine.batch * 300 / tokens < 1
