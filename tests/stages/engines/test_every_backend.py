"""Every registered backend holds to the contract that voxsmith.stages.engines.backend states."""

import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from tests.helpers.paths import ROOT
from voxsmith.models import references
from voxsmith.models.references import ModelMissing
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig
from voxsmith.stages.registry import BACKENDS, STAGES, PartError, backend, stage
from voxsmith.stages.requests.base import Request

SERVER = {"base_url": "http://127.0.0.1:1/v1", "model": "some", "licence": "MIT"}
HUB = {"model": "hub:someone/something"}
SETTINGS: dict[str, dict[str, Any]] = {  # the least that a recipe has to say
    "llm_openai": SERVER,
    "tts_openai": SERVER,
    "units_hubert": HUB | {"layer": 9},
    "units_seamless": HUB | {"codebook": "hub:someone/kmeans/centroids.npy"},
    **dict.fromkeys(
        ("llm_vllm", "asr_parakeet", "tts_vits", "tts_cosyvoice", "units_s3", "units_glm4voice", "unit_vocoder"), HUB
    ),
}
LIBRARIES = "torch transformers onnxruntime ctranslate2 faster_whisper xllamacpp vllm openai sanotts sklearn"


def settings(name: str) -> Any:
    return backend(name).config.model_validate(SETTINGS.get(name, {}))


@pytest.mark.parametrize("name", BACKENDS)
def test_a_backend_holds_to_the_contract(name: str) -> None:
    one, config = backend(name), settings(name)
    assert isinstance(one, Backend) and one.name == name
    assert one.kind == {"unit_vocoder": "vocoder", "clip_reader": "clips"}.get(name, name.partition("_")[0])
    assert isinstance(config, EngineConfig)
    identity = one.identity(config)
    assert json.loads(json.dumps(identity)) == identity and {"backend", "model"} <= identity.keys()
    assert identity["backend"] in (name, "null")
    assert all(isinstance(model, str) and model for model in one.models(config))
    assert isinstance(one.licence(config), str) and one.licence(config)
    assert isinstance(one.is_batch_invariant(config), bool)
    assert "\n" not in one.trouble(config)
    voices = one.voices(config)
    assert voices is None or all(isinstance(part, str) for voice in voices.items() for part in voice)
    assert one.has_codebook(config) or not one.only_own_codebook
    assert one.about.strip(), "its module says in a line what it is"


@pytest.mark.parametrize("name", BACKENDS)
def test_machine_settings_are_in_no_identity(name: str) -> None:
    machine = {"resources": {"replicas": 3, "threads": 7}}
    other = backend(name).config.model_validate(SETTINGS.get(name, {}) | machine)
    assert backend(name).identity(other) == backend(name).identity(settings(name))


def test_stages_ask_kinds_that_there_are() -> None:
    kinds = {backend(name).kind for name in BACKENDS}
    assert {asked for name in STAGES if (asked := stage(name).engine)} == kinds - {"vocoder"}


def test_no_library_is_imported_before_a_model_is_loaded() -> None:
    """Each recipe is read with the settings, identities and licences of its backends: that must stay quick."""
    script = (
        "import sys\n"
        "from tests.stages.engines.test_every_backend import BACKENDS, backend, settings\n"
        "for name in BACKENDS:\n"
        "    found, config = backend(name), settings(name)\n"
        "    found.identity(config), found.licence(config), found.models(config), found.voices(config)\n"
        f"print(*sorted(set({LIBRARIES.split()!r}) & sys.modules.keys()))\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "\n", "")


class Ears(Batching):
    """A model that is only there to be loaded."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config.resources.batch)

    def answer(self, requests: list[Request]) -> list[Any]:
        raise MemoryError


EARS = Backend(name="asr_ears", config=EngineConfig, load=Ears, packages=("pydantic",))


def test_what_a_backend_does_not_say_follows_from_what_it_says() -> None:
    config = EngineConfig()
    assert (EARS.kind, EARS.models(config), EARS.trouble(config)) == ("asr", (), "")
    assert EARS.identity(config).keys() == {"backend", "version"}
    assert EARS.licence(config) == "unknown" and not EARS.is_batch_invariant(config) and not EARS.has_codebook(config)
    assert EARS.voices(config) is None and EARS.voice_licences(config) == {}
    assert EARS.about == "Every registered backend holds to the contract that voxsmith.stages.engines.backend states."
    with pytest.raises(FrozenInstanceError):
        EARS.name = "other"  # type: ignore[misc]


class Named(EngineConfig):
    model: str


def test_of_a_model_its_licence_and_identity_are_told(tmp_path: Any) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    named = Backend(name="asr_named", config=Named, load=Ears, packages=("pydantic",))
    config = Named(model=str(tmp_path))
    assert named.models(config) == (str(tmp_path),) and named.licence(config) == "cc-by-4.0"
    assert named.identity(config)["model"] == references.identity(str(tmp_path))


def test_an_engine_knows_the_name_that_recipes_have_for_it() -> None:
    engine = EARS.load(EngineConfig())
    error = engine.submit(Request()).exception(5)
    assert str(error).startswith("asr_ears: out of memory on one request alone")
    engine.close()


def test_what_loading_raises_is_told_in_a_line() -> None:
    def broken(config: EngineConfig) -> Ears:
        raise ValueError("first line\n\nsecond line")

    with pytest.raises(
        ModelMissing, match=r"^asr_ears: its model can't be loaded: ValueError: first line second line;"
    ):
        replace(EARS, load=broken).load(EngineConfig())
    lacking = replace(EARS, packages=("no_such_package",), extra="torch")
    with pytest.raises(ModelMissing, match=r"^asr_ears needs the package no_such_package, .*voxsmith\[torch\]"):
        lacking.load(EngineConfig())


def test_a_module_without_a_backend_is_told() -> None:
    with pytest.raises(
        PartError, match=r"^voxsmith\.stages\.speak has no `BACKEND = Backend\(…\)`, so it is no backend$"
    ):
        backend("voxsmith.stages.speak")
