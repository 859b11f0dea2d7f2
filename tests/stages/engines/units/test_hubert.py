"""HuBERT-family encoders: fairseq's own numbers, Hugging Face folders, batches, windows, and all that can be wrong."""

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
import transformers
from golden.clips import clip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.helpers import tiny_models
from tests.helpers.paths import ROOT, TINY
from tests.helpers.talk import drive
from voxsmith.models import audio, fairseq_checkpoint
from voxsmith.models.references import ModelMissing
from voxsmith.stages import units
from voxsmith.stages.context import Context
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.engines.units import encoder as units_encoder
from voxsmith.stages.engines.units import hubert as units_hubert
from voxsmith.stages.engines.units import seamless as units_seamless
from voxsmith.stages.engines.units.ssl_units import SslUnits
from voxsmith.stages.requests.units import Encode, Quantise

GOLDEN = ROOT / "tests" / "golden" / "units"
NAMES = ("hubert_base", "hubert_large", "wav2vec2")
FAIRSEQ2 = {  # how fairseq2 renames a fairseq checkpoint
    r"^(encoder\.layers\.\d+\.self_attn\.)out_proj": r"\1output_proj",
    r"^(encoder\.layers\.\d+\.)fc1": r"\1ffn.inner_proj",
    r"^(encoder\.layers\.\d+\.)fc2": r"\1ffn.output_proj",
    r"^(encoder\.layers\.\d+\.)final_layer_norm": r"\1ffn_layer_norm",
    r"^encoder\.pos_conv\.0": "encoder_frontend.pos_encoder.conv",
    r"^feature_extractor\.conv_layers\.(\d+)\.0\.": r"encoder_frontend.feature_extractor.layers.\1.conv.",
    r"^feature_extractor\.conv_layers\.(\d+)\.2\.1\.": r"encoder_frontend.feature_extractor.layers.\1.layer_norm.",
    r"^feature_extractor\.conv_layers\.0\.2\.": "encoder_frontend.feature_extractor.layers.0.group_norm.",
    r"^layer_norm\.": "encoder_frontend.post_extract_layer_norm.",
    r"^post_extract_proj": "encoder_frontend.model_dim_proj",
    r"^mask_emb": "masker.temporal_mask_embed",
    r"^quantizer\.vars": "quantizer.entries",
    r"^project_q": "final_target_proj",
}
LARGE = {"do_stable_layer_norm": True, "feat_extract_norm": "layer", "conv_bias": True}


def weights_of(name: str) -> Path:
    return (TINY if name == "hubert_base" else GOLDEN) / f"{name}.pt"


def codebook_of(name: str) -> str:
    return str(weights_of(name).with_name(f"{name}_km20.{'npy' if name == 'wav2vec2' else 'bin'}"))


def golden_engine(name: str, layer: int = 2, **changes: Any) -> SslUnits:
    settings = {"model": str(weights_of(name)), "layer": layer, "codebook": codebook_of(name)} | changes
    if name == "wav2vec2":
        return units_seamless.BACKEND.load(units_seamless.Config.model_validate({"heads": 4} | settings))
    return units_hubert.BACKEND.load(units_hubert.Config.model_validate(settings))


def wav(samples: np.ndarray, rate: int = 16000) -> bytes:
    """Float samples as they are: a FLAC file would round them."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def npy(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.fixture(scope="module")
def base() -> Iterator[SslUnits]:
    engine = golden_engine("hubert_base")
    yield engine
    engine.close()


@pytest.mark.parametrize("layer", [2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_features_and_units_are_fairseqs(name: str, layer: int, ask) -> None:
    wanted = np.load(GOLDEN / f"{name}.npz")
    engine = golden_engine(name, layer)
    clips = [wav(clip(number)) for number in range(3)]
    for asked in ([[one] for one in clips], [clips]):  # alone, then together
        codes = [reply.frames for group in asked for reply in ask(engine, [Encode(one) for one in group])]
        most = max(np.abs(frames - wanted[f"layer{layer}_clip{n}"]).max() for n, frames in enumerate(codes))
        print(f"{name}, layer {layer}: largest difference from fairseq {most:.1e}")
        assert most <= 1e-4
        if layer == 2:
            replies = [reply for group in asked for reply in ask(engine, [Quantise(one, b"") for one in group])]
            for number, reply in enumerate(replies):
                assert np.array_equal(reply.frames, wanted[f"units_clip{number}"])
    one_pass = engine.encoder.encode([engine.encoder.prepare(clip(number)) for number in range(3)])  # padded by half
    for number, frames in enumerate(one_pass):
        assert np.abs(frames.numpy() - wanted[f"layer{layer}_clip{number}"]).max() <= 1e-4
    engine.close()


@pytest.mark.parametrize("name", ["wav2vec2", "hubert_base"])
def test_fairseq2_names_and_no_settings(name: str, tmp_path: Path, ask) -> None:
    """The same weights under the names that fairseq2 gives them, and nothing beside them: as xlsr2_1b_v2 comes."""
    weights = fairseq_checkpoint.load(weights_of(name))["model"]
    if name == "hubert_base":  # norms after the layers: the first one is the frontend's
        for part in ("weight", "bias"):
            weights[f"encoder_frontend.layer_norm.{part}"] = weights.pop(f"encoder.layer_norm.{part}")
    renamed = {}
    for one, value in weights.items():
        for pattern, wanted in FAIRSEQ2.items():
            one = re.sub(pattern, wanted, one)
        renamed[one] = value
    torch.save({"model": renamed}, tmp_path / "fairseq2.pt")
    config = {"model": str(tmp_path / "fairseq2.pt"), "layer": 2, "codebook": codebook_of(name), "heads": 4}
    engine = units_seamless.BACKEND.load(units_seamless.Config.model_validate(config))
    wanted = np.load(GOLDEN / f"{name}.npz")
    for number in range(3):
        assert np.abs(ask(engine, [Encode(wav(clip(number)))])[0].frames - wanted[f"layer2_clip{number}"]).max() <= 1e-4
    engine.close()


@pytest.mark.parametrize("kind", ["hubert", "hubert_large", "wavlm", "wavlm_large", "wav2vec2", "wav2vec2_large"])
def test_a_folder_gives_what_transformers_gives(kind: str, tmp_path: Path, ask) -> None:
    name = {"hubert": "Hubert", "wavlm": "WavLM", "wav2vec2": "Wav2Vec2"}[kind.removesuffix("_large")]
    folder = tiny_models.ssl(tmp_path, name, **(LARGE if kind.endswith("large") else {}))
    normalise = kind.endswith("large")
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    model = getattr(transformers, f"{name}Model").from_pretrained(folder).eval()
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    engine = units_hubert.BACKEND.load(units_hubert.Config(model=str(folder), layer=2))
    together = ask(engine, [Encode(wav(clip(number))) for number in range(3)])
    for number, reply in enumerate(together):
        with torch.inference_mode():
            asked = extractor(clip(number), sampling_rate=16000, return_tensors="pt").input_values
            wanted = model(asked, output_hidden_states=True).hidden_states[2][0].numpy()
        assert reply.frames.shape == wanted.shape
        assert np.abs(reply.frames - wanted).max() < 1e-4
    engine.close()


def test_clips_of_unlike_length_share_a_batch(base: SslUnits, ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they do on a GPU."""
    monkeypatch.setattr(base, "batch", 8)
    draw = np.random.default_rng(0)
    clips = [wav(draw.normal(0, 0.1, n).astype(np.float32)) for n in (300, 4000, 16000, 15000, 47000, 46999, 480, 9000)]
    together = base.answer([Encode(one) for one in clips])
    for one, reply in zip(clips, together, strict=True):
        assert np.abs(reply.frames - ask(base, [Encode(one)])[0].frames).max() < 2e-5


def test_on_a_cpu_replies_do_not_depend_on_their_neighbours(base: SslUnits, ask) -> None:
    requests = [Encode(wav(clip(number))) for number in (0, 1, 2, 0)]
    together = [reply.frames.tobytes() for reply in ask(base, requests)]
    assert together == [ask(base, [request])[0].frames.tobytes() for request in requests]


@pytest.mark.parametrize("seconds", [31.0, 75.3])
@pytest.mark.parametrize("name", NAMES)
def test_a_long_clip_in_windows_is_near_to_one_pass(name: str, seconds: float, ask) -> None:
    """Attention and the first norm see the window and not the clip: of random weights, at most 3 % of units differ."""
    long = np.concatenate([clip(number % 3) for number in range(90)])[: round(seconds * 16000)]
    whole, parts = golden_engine(name, window=600), golden_engine(name)
    one, other = (ask(engine, [Quantise(wav(long), b"")])[0].frames for engine in (whole, parts))
    share = (one != other).mean()
    print(f"{name}: {seconds} s, {len(one)} frames: {share:.2%} of units differ")
    assert len(one) == len(other) == (len(long) - 80) // 320
    assert share <= 0.03
    whole.close()
    parts.close()


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 39000), st.booleans())
def test_merged_units_and_durations_give_the_unmerged_sequence_back(base: SslUnits, length: int, merge: bool) -> None:
    sound = wav(np.concatenate([clip(0), clip(2)])[:length])
    context = Context(units.Config(of="answer", codebook="engine", merge=merge))
    row = {"id": "r", "answer_audio": {"bytes": sound, "path": "x.flac"}}
    returned, asked = drive(units.STAGE.run(row, context), lambda request: base.submit(request).result(60))
    frames = base.submit(asked[0]).result(60).frames
    assert np.repeat(returned["answer_units"], returned["answer_unit_durations"]).tolist() == frames.tolist()
    assert len(frames) == max(1, (length - 80) // 320)
    if not merge:
        assert returned["answer_units"] == frames.tolist()


def test_a_fitted_codebook_is_taken_too(base: SslUnits, ask) -> None:
    sound = wav(clip(0))
    frames = ask(base, [Encode(sound)])[0].frames
    reply = ask(base, [Quantise(sound, npy(frames[::5]))])[0]
    assert reply.frames[::5].tolist() == list(range(len(frames[::5])))
    centroids, squares = units_encoder.read_codebook(npy(frames[::5]))
    assert np.array_equal(reply.frames, units_encoder.nearest(frames, centroids, squares))
    for wrong in (npy(np.zeros((3, 31), np.float32)), b"no array"):
        with pytest.raises(Refused, match="bad_codebook"):
            ask(base, [Quantise(sound, wrong)])


def test_without_a_codebook_rows_wait_for_one(ask) -> None:
    engine = golden_engine("hubert_base", codebook="")
    with pytest.raises(Unavailable, match="codebook: FILE"):
        ask(engine, [Quantise(wav(clip(0)), b"")])
    engine.close()


def test_sixteen_thousand_centroids_fit_into_units(base: SslUnits) -> None:
    centroids = torch.from_numpy(np.random.default_rng(0).normal(size=(16384, 32)).astype(np.float32))
    summary = base.nearest(centroids.flip(0)[::16], centroids, centroids.square().sum(dim=1))
    assert summary.dtype == np.uint16
    assert np.array_equal(summary, np.arange(16384)[::-16])


@pytest.mark.parametrize("name", NAMES)
def test_clips_of_any_kind(name: str, ask) -> None:
    engine = golden_engine(name)
    noise = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    stereo = wav(np.stack([noise, noise], axis=1))
    assert np.array_equal(*(ask(engine, [Quantise(one, b"")])[0].frames for one in (stereo, wav(noise))))
    assert len(ask(engine, [Quantise(wav(noise, 8000), b"")])[0].frames) == 49  # 1 s at 8 kHz
    assert len(ask(engine, [Quantise(wav(noise[:160]), b"")])[0].frames) == 1  # 0.01 s
    assert np.isfinite(ask(engine, [Encode(wav(np.zeros(4000, np.float32)))])[0].frames).all()  # silence
    for bad in (wav(noise[:0]), wav(np.where(np.arange(8000) == 4000, np.nan, noise)), b"", b"no audio"):
        with pytest.raises(Refused, match="bad_audio"):
            ask(engine, [Quantise(bad, b"")])
    engine.close()


def test_a_clip_of_ten_minutes(base: SslUnits, ask) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32)
    ten_minutes = audio.encode(np.resize(noise, 600 * 16000), 16000)
    assert len(ask(base, [Quantise(ten_minutes, b"")])[0].frames) == 29999


def test_one_broken_clip_does_not_take_its_batch_along(base: SslUnits) -> None:
    futures = [base.submit(Quantise(one, b"")) for one in (wav(clip(0)), b"no audio", wav(clip(2)))]
    assert len(futures[0].result(60).frames) == 49
    assert len(futures[2].result(60).frames) == 73
    with pytest.raises(Refused, match="bad_audio"):
        futures[1].result(60)


def test_half_precision_keeps_nearly_all_units(base: SslUnits, ask) -> None:
    half = golden_engine("hubert_base", dtype="bfloat16")
    for number in range(3):
        one, other = (ask(engine, [Quantise(wav(clip(number)), b"")])[0].frames for engine in (base, half))
        assert (one == other).mean() >= 0.9
    half.close()


def refused(**changes: Any) -> str:
    with pytest.raises(ModelMissing) as caught:
        golden_engine(changes.pop("name", "hubert_base"), **changes)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 600
    return text


def test_a_wrong_path_or_layer_is_told(tmp_path: Path) -> None:
    assert "no such model file or folder" in refused(model=str(tmp_path / "nowhere.pt"))
    assert "config.json isn't there" in refused(model=str(tmp_path))
    assert "layer 4: the model has layers 1 to 3" in refused(layer=4)
    assert "width 20, frames of" in refused(codebook=saved(tmp_path / "wide.npy", np.zeros((3, 20), np.float32)))


def saved(path: Path, values: np.ndarray) -> str:
    np.save(path, values)
    return str(path)


def test_another_architecture_is_told(tmp_path: Path) -> None:
    transformers.BertModel(
        transformers.BertConfig(
            vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
        )
    ).save_pretrained(tmp_path / "bert")
    assert "model_type 'bert', not one of hubert, wav2vec2, wavlm" in refused(model=str(tmp_path / "bert"))
    torch.save({"model": {"decoder.weight": torch.zeros(3)}}, tmp_path / "other.pt")
    assert "'decoder.weight' is no weight of HuBERT" in refused(model=str(tmp_path / "other.pt"))
    torch.save({"state": 1}, tmp_path / "empty.pt")
    assert "it has no weights under 'model'" in refused(model=str(tmp_path / "empty.pt"))


def test_no_weight_is_left_over_or_missing(tmp_path: Path) -> None:
    state = fairseq_checkpoint.load(TINY / "hubert_base.pt")
    weights = state["model"]
    torch.save({"model": {**weights, "encoder.layers.0.adapter.weight": torch.zeros(2)}}, tmp_path / "more.pt")
    assert "'encoder.layers.0.adapter.weight' is no weight" in refused(model=str(tmp_path / "more.pt"))
    less = {name: value for name, value in weights.items() if name != "encoder.layers.1.fc1.bias"}
    torch.save({"cfg": state["cfg"], "model": less}, tmp_path / "less.pt")
    assert "missing: encoder.layers.1.feed_forward.intermediate_dense.bias" in refused(model=str(tmp_path / "less.pt"))


def test_a_corrupt_model_is_told(tmp_path: Path) -> None:
    data = (TINY / "hubert_base.pt").read_bytes()
    for number, broken in enumerate(
        (data[: len(data) // 2], b"", b"not a checkpoint", data[:2000] + bytes(len(data) - 2000))
    ):
        (tmp_path / f"{number}.pt").write_bytes(broken)
        assert f"{number}.pt: broken, or no PyTorch checkpoint" in refused(model=str(tmp_path / f"{number}.pt"))
    folder = tiny_models.ssl(tmp_path / "folder", "Hubert")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert f"{folder}: can't be loaded" in refused(model=str(folder), codebook="")


def test_a_checkpoint_that_names_other_code_is_not_read(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "ran"),)

    torch.save({"model": {}, "cfg": Evil()}, tmp_path / "evil.pt")
    assert "mkdir, which is no part of a speech encoder" in refused(model=str(tmp_path / "evil.pt"))
    assert not (tmp_path / "ran").exists()


def test_a_missing_package_is_told_with_what_installs_it(tmp_path: Path) -> None:
    """In a process that has every package but transformers."""
    site = Path(transformers.__file__).parents[1]
    for entry in site.iterdir():
        if not entry.name.startswith(("transformers", "__editable__")):
            (tmp_path / entry.name).symlink_to(entry)
    script = (
        "from voxsmith.stages.engines.units import hubert as u, vocoder as v\n"
        f"hubert = u.BACKEND, u.Config(model={str(TINY / 'hubert_base.pt')!r}, layer=2)\n"
        "for one, config in (hubert, (v.BACKEND, v.Config(model='.'))):\n"
        "    print(one.trouble(config))\n"
        "    try: one.load(config)\n"
        "    except Exception as error: print(type(error).__name__, error)\n"
        "print(v.BACKEND.identity(config)['version'].split(', ')[1])\n"
    )
    ran = subprocess.run(
        [sys.executable, "-S", "-c", script],
        env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "PATH": os.environ["PATH"], "VOXSMITH_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )
    advice = "{} needs the package transformers, which isn't installed: pip install 'voxsmith[torch]'"
    assert ran.stdout.splitlines() == [
        *(
            line
            for name in ("units_hubert", "unit_vocoder")
            for line in (advice.format(name), f"ModelMissing {advice.format(name)}")
        ),
        "transformers not installed",  # `plan` works without it
    ]


@pytest.mark.heavy
def test_a_batch_that_memory_is_too_small_for_is_halved() -> None:
    """In a process that may take 220 MiB more than it has: eight clips of 60 s are too much, one isn't."""
    script = (
        "import resource, numpy as np, logging\n"
        "from voxsmith.stages.engines.units import hubert as u\n"
        "logging.basicConfig(level=logging.WARNING, format='%(message)s')\n"
        f"e = u.BACKEND.load(u.Config(model={str(TINY / 'hubert_base.pt')!r}, layer=1, window=600))\n"
        "clip = np.random.default_rng(0).normal(0, 0.1, 60 * 16000).astype(np.float32)\n"
        "e.encode([clip[:16000]])\n"
        "have = 1024 * int(next(l for l in open('/proc/self/status') if l.startswith('VmSize')).split()[1])\n"
        "resource.setrlimit(resource.RLIMIT_AS, (have + 220 * 2**20, -1))\n"
        "e.batch = 8\n"
        "print([tuple(f.shape) for f in e.encode([clip] * 8)] == [(2999, 32)] * 8, e.usage['halved_batches'] > 0, e.batch)\n"
        "e.close()\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stdout.split()[:2] == ["True", "True"], ran.stderr
    assert int(ran.stdout.split()[2]) < 8
    assert "units_hubert: a batch of 8 doesn't fit into memory: halved" in ran.stderr


def test_identity_holds_what_replies_depend_on(tmp_path: Path) -> None:
    def identity_of(**changes: Any) -> dict[str, Any]:
        asked = {"model": str(TINY / "hubert_base.pt"), "layer": 2, "codebook": codebook_of("hubert_base")}
        return units_hubert.BACKEND.identity(units_hubert.Config.model_validate(asked | changes))

    assert identity_of() == identity_of(resources={"threads": 2, "batch": 32, "num_gpus": 1})
    moved = shutil.copy(TINY / "hubert_base.pt", tmp_path / "hubert_base.pt")
    assert identity_of() == identity_of(model=str(moved))
    for change in ({"layer": 3}, {"dtype": "bfloat16"}, {"codebook": ""}, {"window": 20}, {"margin": 1}):
        assert identity_of() != identity_of(**change)
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n")
    assert units_hubert.BACKEND.licence(units_hubert.Config(model=str(moved), layer=2)) == "cc-by-nc-sa-4.0"
