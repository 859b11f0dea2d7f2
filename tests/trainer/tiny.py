"""Networks of a few thousand random weights, and rows for them."""

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaForCausalLM
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from tests.trainer import configs
from voxsmith.trainer.batch import Batch
from voxsmith.trainer.build import adapter, decoder
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.networks.whisper import frames_of
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.recipe import TrainRecipe

BASE = {
    "name": "tiny",
    "phase": "answer",
    "data": [{"path": "export"}],
    "llm": {"model": "llm"},
    "encoder": {"model": "encoder"},
    "adapter": {"kind": "stack_projector", "group": 8, "hidden": 16, "lr": 1e-2},
    "decoder": {"layers": 1, "width": 16, "heads": 2, "inner": 16, "units": 12, "upsampling": 6, "phase": True},
    "schedule": {"steps": 10},
    "run": {"precision": "float32"},
}


def recipe(**changes: object) -> TrainRecipe:
    return TrainRecipe.model_validate(BASE | changes)


def network(of: TrainRecipe, dropout: float = 0.0) -> SpeechLLM:
    torch.manual_seed(of.seed)
    whisper = configs.whisper(max_source_positions=100, init_std=0.02, dropout=dropout, attn_implementation="sdpa")
    llama = configs.llama(
        vocab_size=40,
        hidden_size=16,
        intermediate_size=24,
        num_attention_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,  # what is heard must change what is answered
        attention_dropout=dropout,
    )
    made = decoder(of.decoder, llama) if of.decoder else None
    return SpeechLLM(WhisperEncoder(whisper), adapter(of.adapter, 16, 16), LlamaForCausalLM(llama), made)


def batch(model: SpeechLLM, rows: list[int]) -> Batch:
    """A row for each number: its clip, prompt, answer, transcript and units are drawn by it."""
    mels, tokens, speech, labels, units, taught, taught_labels = [], [], [], [], [], [], []
    for row in rows:
        draw = torch.Generator().manual_seed(row)
        frames = int(torch.randint(20, 90, (1,), generator=draw))
        heard = int(model.adapter.lengths(frames_of(torch.tensor([frames]))))
        answer = torch.randint(0, 40, (2 + row % 4,), generator=draw).tolist()
        transcript = torch.randint(0, 40, (1 + row % 5,), generator=draw).tolist()
        mels.append(torch.randn(frames, 8, generator=draw))
        tokens.append([1, 2, *[0] * heard, 3, *answer])
        speech.append([False] * 2 + [True] * heard + [False] * (1 + len(answer)))
        labels.append([IGNORED] * (3 + heard) + answer)
        units.append(torch.randint(0, 12, (3 + row % 3,), generator=draw).tolist())
        taught.append([1, 2, *transcript, 3, *answer])
        taught_labels.append([IGNORED] * (3 + len(transcript)) + answer)

    def padded(values: list[list[int]], padding: int | bool) -> torch.Tensor:
        return pad_sequence([torch.tensor(one) for one in values], batch_first=True, padding_value=padding)

    return Batch(
        ids=tuple(f"row-{row}" for row in rows),
        mel=pad_sequence(mels, batch_first=True).transpose(1, 2),
        mel_lengths=torch.tensor([len(mel) for mel in mels]),
        tokens=padded(tokens, 0),
        speech=padded(speech, False),
        attended=padded([[True] * len(ids) for ids in tokens], False),
        labels=padded(labels, IGNORED),
        units=padded(units, IGNORED),
        teacher=padded(taught, 0),
        teacher_attended=padded([[True] * len(ids) for ids in taught], False),
        teacher_labels=padded(taught_labels, IGNORED),
    )


def sensitive(of: TrainRecipe) -> SpeechLLM:
    """The network, in evaluation, with weights so large that what was before changes what comes, and units change from frame to
    frame.
    """
    made = network(of).eval()
    with torch.no_grad():
        assert made.decoder is not None
        made.decoder.output_proj.weight *= 8
        made.decoder.input_proj.weight *= 4
        for layer in made.llm.model.layers:
            layer.self_attn.o_proj.weight *= 3
            layer.mlp.down_proj.weight *= 3
    return made
