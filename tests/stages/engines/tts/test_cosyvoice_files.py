"""What `tts_cosyvoice` tells without CosyVoice: settings, keys, voices, and folders that aren't opened."""

import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from tests.helpers.cosyvoice_models import FILES, SPEAKERS, YAML, empty_folder, settings
from tests.helpers.paths import DATA
from voxsmith.models.references import ModelMissing
from voxsmith.stages import registry
from voxsmith.stages.engines import voice_bank
from voxsmith.stages.engines.tts import cosyvoice_files
from voxsmith.stages.engines.tts.cosyvoice import BACKEND, Config
from voxsmith.stages.engines.tts.cosyvoice_files import check_settings, kind_of, speakers

torch = pytest.importorskip("torch")
BANK = str(DATA / "voices")


def folder_of(path: Path, kind: int) -> Path:
    """All files of a model, with a list of voices that is one."""
    folder = empty_folder(path / f"v{kind}", kind)
    if kind == 1:
        torch.save({name: {"embedding": torch.zeros(1, 192)} for name in SPEAKERS}, folder / "spk2info.pt")
    return folder


def clone(path: Path, matcha: bool = True) -> str:
    (path / "clone" / "cosyvoice" / "cli").mkdir(parents=True)
    (path / "clone" / "cosyvoice" / "cli" / "cosyvoice.py").write_text("raise RuntimeError('not to be imported')")
    if matcha:
        (path / "clone" / "third_party" / "Matcha-TTS" / "matcha").mkdir(parents=True)
    return str(path / "clone")


@pytest.mark.parametrize("kind", [1, 2])
def test_the_settings_of_the_genuine_kind_are_opened(tmp_path: Path, kind: int) -> None:
    folder = folder_of(tmp_path, kind)
    assert "!new:cosyvoice" in check_settings(folder / YAML[kind])
    assert kind_of(folder, BANK if kind == 2 else "") == kind


@pytest.mark.parametrize(
    ("line", "tag"),
    [
        ("x: !apply:os.system ['touch {}']", "!apply:os.system"),
        ("x: !new:subprocess.Popen {{args: [touch, '{}']}}", "!new:subprocess.Popen"),
        ("x: !name:cosyvoice.utils.file_utils.os.system", "!name:cosyvoice.utils.file_utils.os.system"),
        ("x: !apply:cosyvoice.utils.file_utils.export_cosyvoice2_vllm", "!apply:cosyvoice.utils.file_utils.export_co"),
        ("x: !applyref:os.system 'touch {}'", "!applyref:os.system"),
        ("x: !include:other.yaml", "!include:other.yaml"),
        ("x: !!python/object/apply:os.system ['touch {}']", "!!python/object/apply:os.system"),
        ("x: !<!apply:os.system> ['touch {}']", "!<!apply:os.system>"),
        ("x: !apply:random%2Eseed [1]", "!apply:random%2Eseed"),
        ("%TAG !e! !apply:os.", "!e!"),
        ("x: ['a\n# b', !apply:os.system ['touch {}']]", "!apply:os.system"),
        ("x: \"a\u2028# b\"\u2028y: !apply:os.system ['touch {}']", "!apply:os.system"),
        ("x: !module:os", "!module:os"),
    ],
)
def test_settings_that_call_something_else_are_not_opened(tmp_path: Path, line: str, tag: str) -> None:
    folder, trace = folder_of(tmp_path, 1), tmp_path / "trace"
    text = settings(1)
    (folder / YAML[1]).write_text(text + line.format(trace) + "\n", encoding="utf-8")
    number = text.count("\n") + line[: line.index(tag[:6])].count("\n") + 1
    for attempt in (lambda: kind_of(folder, ""), lambda: BACKEND.load(Config(model=str(folder)))):
        with pytest.raises(ModelMissing) as caught:
            attempt()
        assert f"{YAML[1]}, line {number}: not opened: '{tag}" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not trace.exists()


def test_the_wrong_folder_is_told(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path, 1), folder_of(tmp_path, 2)
    (tmp_path / "none").mkdir()
    (tmp_path / "third").mkdir()
    (tmp_path / "third" / "cosyvoice3.yaml").write_text("")
    early = folder_of(tmp_path / "early", 1)
    (early / YAML[1]).write_text(settings(2))
    cases = {
        (tmp_path / "none", ""): "no CosyVoice model: there is no cosyvoice.yaml or cosyvoice2.yaml",
        (tmp_path / "third", BANK): "CosyVoice 3 isn't known here",
        (first, BANK): "CosyVoice 1 speaks in its own voices",
        (second, ""): "give it a voice bank's folder as `bank`",
        (early, ""): "an early CosyVoice 2: fetch it again",
    }
    for (folder, bank), message in cases.items():
        with pytest.raises(ModelMissing, match=re.escape(message)):
            BACKEND.load(Config(model=str(folder), bank=bank))
    with pytest.raises(ModelMissing, match="no such model file or folder"):
        BACKEND.load(Config(model=str(tmp_path / "nowhere")))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in FILES.items() for name in names])
def test_a_folder_with_a_file_too_few_is_told(tmp_path: Path, kind: int, name: str) -> None:
    (folder := folder_of(tmp_path, kind)).joinpath(name).unlink()
    with pytest.raises(ModelMissing, match=f"it lacks {re.escape(name)}; was it fetched whole"):
        BACKEND.load(Config(model=str(folder), bank=BANK if kind == 2 else ""))


def test_the_voices_are_known_before_anything_is_loaded(tmp_path: Path) -> None:
    first, second = folder_of(tmp_path, 1), folder_of(tmp_path, 2)
    assert BACKEND.voices(Config(model=str(first))) == dict.fromkeys(SPEAKERS, "")
    assert BACKEND.voice_licences(Config(model=str(first))) == {}
    cloned = Config(model=str(second), bank=BANK)
    assert BACKEND.voices(cloned) == voice_bank.digests(BANK) and BACKEND.voice_licences(cloned) == voice_bank.licences(
        BANK
    )
    with pytest.raises(ModelMissing, match="no voice bank in"):
        BACKEND.voices(Config(model=str(second), bank=str(tmp_path)))


def test_a_list_of_voices_is_read_as_data(tmp_path: Path) -> None:
    path = tmp_path / "spk2info.pt"
    torch.save({"anna": {"embedding": torch.zeros(1, 192)}, "bert": SimpleNamespace()}, path)
    with pytest.raises(ModelMissing, match=r"names types\.SimpleNamespace, which is no part of a list of voices"):
        speakers(path)
    for content in ([1], {}, {1: torch.zeros(2)}):
        torch.save(content, path)
        with pytest.raises(ModelMissing, match="it names no voice"):
            speakers(path)
    path.write_bytes(b"nothing")
    with pytest.raises(ModelMissing, match="broken, or no list of voices"):
        speakers(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(ModelMissing, match="broken, or no list of voices"):
        speakers(path)


def test_the_identity_has_the_code_and_no_machine_setting(tmp_path: Path) -> None:
    source, folder = clone(tmp_path), str(folder_of(tmp_path, 2))
    one = Config(model=folder, bank=BANK, source=source)
    identity = BACKEND.identity(one)
    assert set(identity) == {"backend", "version", "code", "model", "dtype", "longest"}
    same = Config.model_validate({**one.model_dump(), "check_bank": False, "resources": {"num_gpus": 1}, "bank": ""})
    assert BACKEND.identity(same) == identity
    assert BACKEND.identity(one.model_copy(update={"dtype": "float16"})) != identity
    assert BACKEND.identity(one.model_copy(update={"longest": 60})) != identity
    (Path(source) / "cosyvoice" / "llm.py").write_text("other = 1")
    assert BACKEND.identity(one)["code"] != identity["code"]
    assert BACKEND.identity(one.model_copy(update={"source": str(tmp_path)}))["code"] == "not installed"
    assert BACKEND.licence(one) == "unknown"
    (Path(folder) / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    assert BACKEND.licence(one) == "apache-2.0"
    assert registry.backend("tts_cosyvoice") is BACKEND and BACKEND.is_batch_invariant(one)


def test_what_is_not_installed_is_told_with_how_to_get_it(tmp_path: Path) -> None:
    folder = str(folder_of(tmp_path, 1))
    trouble = BACKEND.trouble(Config(model=folder, source=str(tmp_path)))
    assert trouble.startswith(
        f"tts_cosyvoice needs CosyVoice, and there is none in {tmp_path}: git clone --recursive https://"
    )
    assert "pip install 'voxsmith[cosyvoice]'" in trouble and "`source`" in trouble
    with pytest.raises(ModelMissing, match="git clone --recursive"):
        BACKEND.load(Config(model=folder, source=str(tmp_path)))
    half = clone(tmp_path, matcha=False)
    assert "git submodule update --init" in BACKEND.trouble(Config(model=folder, source=half))
    (tmp_path / "bin").mkdir()
    whole = clone(tmp_path / "whole")
    bare = Config(model=folder, source=whole, resources={"python": str(tmp_path / "bin" / "python")})
    assert "needs the packages torch, torchaudio" in BACKEND.trouble(bare)
    assert "its interpreter has none" in BACKEND.trouble(bare.model_copy(update={"source": ""}))


def test_a_bank_with_bad_clips_is_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_bank, "LEAST_SNR", 90.0)
    given = {"model": str(folder_of(tmp_path, 2)), "bank": BANK, "source": str(tmp_path)}
    with pytest.raises(ModelMissing, match="no good to clone"):
        BACKEND.load(Config(**given))
    with pytest.raises(ModelMissing, match="needs CosyVoice"):
        BACKEND.load(Config(**given, check_bank=False))


@pytest.mark.parametrize(
    "wrong", [{}, {"model": "m", "dtype": "int8"}, {"model": "m", "longest": 3}, {"model": "m", "voice": 1}]
)
def test_wrong_settings_are_told(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Config.model_validate(wrong)


def test_weights_that_are_no_numbers_are_not_opened(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 1)
    for name in cosyvoice_files.WEIGHTS:
        torch.save({"weight": torch.zeros(2)}, folder / name)
    cosyvoice_files.check_weights(folder)
    torch.save({"weight": SimpleNamespace(a=1)}, folder / "hift.pt")
    with pytest.raises(ModelMissing, match=r"hift\.pt: broken, or not only weights"):
        cosyvoice_files.check_weights(folder)
    (folder / "flow.pt").write_bytes(b"")
    with pytest.raises(ModelMissing, match=r"flow\.pt: broken, or not only weights"):
        cosyvoice_files.check_weights(folder)
