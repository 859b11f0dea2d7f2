"""What llm_vllm says without vLLM: identity, settings that can't work, the package that is missing."""

import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from stages.engines import llm_vllm
from stages.engines.models import ModelMissing
from stages.requests import Completion


def config(**settings: Any) -> llm_vllm.Config:
    return llm_vllm.Config.model_validate({"model": "hub:someone/model@main"} | settings)


def test_identity_is_of_what_replies_depend_on() -> None:
    plain = llm_vllm.identity(config())
    machine = {"replicas": 2, "num_gpus": 4, "tensor_parallel": 4, "batch": 64, "gpu_memory": 0.8, "eager": True}
    assert llm_vllm.identity(config(resources=machine)) == plain
    for changed in ({"dtype": "float16"}, {"context": 2048}, {"quantization": "fp8"}, {"teacher": 5}):
        assert llm_vllm.identity(config(**changed)) != plain
    assert llm_vllm.identity(config(batch_invariant=True)) != plain
    assert llm_vllm.identity(config(adapter="hub:someone/adapter")) != plain


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ({"tensor_parallel": 4}, "needs num_gpus: 4; it is 1"),
        ({"num_gpus": 0.5}, "give gpu_memory: 0.5"),
        ({"gpu_memory": 1.2}, "less than or equal to 1"),
        ({"max_num_seqs": 3}, "max_num_seqs"),
    ],
)
def test_settings_that_cannot_work(resources: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        config(resources=resources)


def test_the_version_is_that_of_the_interpreter_that_is_named(tmp_path: Path) -> None:
    environment = tmp_path / "other"
    told = environment / "lib" / "python3.11" / "site-packages" / "vllm-9.8.7.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 9.8.7\n")
    there = config(resources={"python": str(environment / "bin" / "python")})
    assert llm_vllm.identity(there)["version"] == "9.8.7"
    assert llm_vllm.trouble(there) == ""


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)  # as where it isn't installed
    nowhere = config(model=str(tmp_path), resources={"python": str(tmp_path / "bin" / "python")})
    assert llm_vllm.identity(nowhere)["version"] == "not installed"
    assert "pip install 'voxsmith[vllm]'" in llm_vllm.trouble(nowhere)
    with pytest.raises(ModelMissing, match=r"pip install 'voxsmith\[vllm\]'"):
        llm_vllm.load(nowhere)


def test_a_reply_without_a_teacher_packs_as_it_always_did() -> None:
    assert Completion("hi", "stop", 1).pack() == b'{"finish": "stop", "text": "hi", "tokens": 1}'
    assert Completion.unpack(Completion("hi", "stop", 1).pack()) == Completion("hi", "stop", 1)


def test_twice_a_batch_is_wanted_at_a_time() -> None:
    assert config(resources={"batch": 200}).resources.at_once == 400
