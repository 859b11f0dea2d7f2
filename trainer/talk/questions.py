"""What is asked, as a batch that answers can be generated for: rows are padded on the left, so that all end together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from voxsmith.models.audio import BadAudio, decode, resample
from voxsmith.models.audio_size import MOST_BYTES, check_size
from voxsmith.models.bad_audio import described
from voxsmith.models.chat import Chat
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.data.mel import FRAME, RATE, log_mel
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.objectives import IGNORED, predicting

SHORTEST = 0.1  # seconds of a question: an embedding of LLaMA-Omni's adapter


class BadQuestion(Exception):
    """The clip can't be heard; the message says why and what to do."""


def heard(path: Path, network: SpeechLLM) -> np.ndarray:
    """A file's samples, float32 [n] at 16 kHz. Raises BadQuestion."""
    try:
        with path.open("rb") as file:  # which may be a pipe, and have no size
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadQuestion(f"{path}: {error.strerror}; name a wav or another audio file") from None
    return heard_in(content, str(path), network)


def heard_in(content: bytes, name: str, network: SpeechLLM) -> np.ndarray:
    """The same of an audio file in memory; `name`: what it is called in messages. Raises BadQuestion."""
    try:
        check_size(content)
        samples, rate = decode(content)
    except BadAudio as error:
        raise BadQuestion(f"{name}: {described(error)}") from None
    seconds, longest = len(samples) / rate, longest_clip(network)
    if seconds < SHORTEST:
        raise BadQuestion(f"{name}: {seconds:g} s; nothing is heard in less than {SHORTEST:g} s")
    if seconds > longest:
        raise BadQuestion(f"{name}: {seconds:.1f} s; the encoder hears {longest:g} s at most: cut the clip")
    return resample(samples, rate, RATE)


def longest_clip(network: SpeechLLM) -> float:
    """Seconds that the encoder has positions for: two mel frames each."""
    return float(network.encoder.embed_positions.weight.shape[0] * 2 * FRAME)


def asked(network: SpeechLLM, chat: Chat, request: str, clips: list[np.ndarray], seconds: float | None = None) -> Batch:
    """Clips (float32 at 16 kHz), each in a user's turn whose text is `request`, MARKER in it. `seconds`: pad clips to these;
    without, to what training made of them.
    """
    bins = network.encoder.config.num_mel_bins
    mels = [log_mel(clip, bins, network.seconds(len(clip)) if seconds is None else seconds) for clip in clips]
    lengths = torch.tensor([mel.shape[1] for mel in mels])
    around = chat.around_speech(request)
    before, after = torch.tensor(around.before), torch.tensor(around.after)
    tokens, speech = [], []
    for count in network.embeddings(lengths).tolist():
        tokens.append(torch.cat((before, before.new_zeros(count), after)))
        speech.append(torch.tensor([False] * len(before) + [True] * count + [False] * len(after)))
    return _batch(tuple(str(row) for row in range(len(clips))), mels, tokens, speech)


def without_answers(batch: Batch) -> Batch:
    """A batch for training as questions: each row up to where its answer begins. Every row must have one."""
    starts = predicting(batch.labels).int().argmax(1).tolist()  # the last place of the prompt predicts the first token
    tokens = [row[: start + 1] for row, start in zip(batch.tokens, starts, strict=True)]
    speech = [row[: start + 1] for row, start in zip(batch.speech, starts, strict=True)]
    mels = [mel[:, :length] for mel, length in zip(batch.mel, batch.mel_lengths.tolist(), strict=True)]
    return replace(_batch(batch.ids, mels, tokens, speech), mel=batch.mel, mel_lengths=batch.mel_lengths)


def _batch(ids: tuple[str, ...], mels: list[Tensor], tokens: list[Tensor], speech: list[Tensor]) -> Batch:
    there = [torch.ones_like(row, dtype=torch.bool) for row in tokens]
    left = {"batch_first": True, "padding_side": "left"}
    words = pad_sequence(tokens, **left)
    return Batch(
        ids=ids,
        mel=pad_sequence([mel.T for mel in mels], batch_first=True).transpose(1, 2).contiguous(),
        mel_lengths=torch.tensor([mel.shape[1] for mel in mels], device=words.device),
        tokens=words,
        speech=pad_sequence(speech, **left),
        attended=pad_sequence(there, **left),
        labels=torch.full_like(words, IGNORED),
    )
