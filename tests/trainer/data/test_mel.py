"""Our log-mel against transformers' feature extractor for Whisper, bit for bit."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import WhisperFeatureExtractor

from voxsmith.trainer.data.mel import HOP, RATE, log_mel, mel_frames

EXTRACTORS = {bins: WhisperFeatureExtractor(feature_size=bins) for bins in (80, 128)}


def theirs(samples: np.ndarray, bins: int, **keys: object) -> torch.Tensor:
    made = EXTRACTORS[bins](samples, sampling_rate=RATE, return_tensors="pt", **keys)
    features: torch.Tensor = made["input_features"][0]
    return features


def noise(count: int, seed: int, loudness: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(count) * loudness).astype(np.float32)


@settings(max_examples=12, deadline=None)
@given(st.integers(400, 40_000), st.integers(0, 99), st.sampled_from([80, 128]), st.sampled_from([1e-6, 0.01, 0.5]))
def test_of_any_length_it_is_whisper_s(count: int, seed: int, bins: int, loudness: float) -> None:
    samples = noise(count, seed, loudness)
    wanted = theirs(samples, bins, padding="longest", truncation=False, pad_to_multiple_of=HOP)
    got = log_mel(samples, bins)
    assert got.shape == (bins, -(-count // HOP)) and mel_frames(count) == got.shape[1] and torch.equal(got, wanted)


@pytest.mark.parametrize("bins", [80, 128])
@pytest.mark.parametrize("seconds", [1.7, 31.0])
def test_padded_or_cut_to_30_s_it_is_whisper_s(bins: int, seconds: float) -> None:
    samples = noise(round(seconds * RATE), 3)
    assert mel_frames(len(samples), 30.0) == 3000
    assert torch.equal(log_mel(samples, bins, 30.0), theirs(samples, bins))


def test_silence_and_a_clip_of_one_sample_are_finite() -> None:
    for samples in (np.zeros(RATE, np.float32), np.ones(1, np.float32), np.zeros(0, np.float32)):
        made = log_mel(samples, 80)
        assert made.shape[1] == max(1, len(samples) // HOP) == mel_frames(len(samples)) and bool(
            torch.isfinite(made).all()
        )
