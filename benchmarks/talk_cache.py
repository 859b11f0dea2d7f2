"""The 500th token of an answer, with the past kept, against reading everything anew: the same networks, one run.

    python benchmarks/talk_cache.py [--tokens 500]

The networks have the shapes of Whisper base, SmolLM2-135M and a decoder of the embedded stack, and random weights: the
times are true and nobody understands the answer. Told are the median milliseconds of the last tokens and their units either
way, of one thread's processor time because others may be at work; their ratio; and what the counts of multiplications
predict. A cached step also waits for all weights to be read, which they don't count.
"""

import argparse
import statistics
import time

import torch
from transformers import LlamaConfig, LlamaForCausalLM, WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from voxsmith.trainer.batch import Batch
from voxsmith.trainer.networks.adapter import SpeechAdapter
from voxsmith.trainer.networks.causal import Shape
from voxsmith.trainer.networks.decoder import Collapse, SpeechDecoder
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.talk.events import Token
from voxsmith.trainer.talk.generate import Speaker, generate

SECONDS, WORDS, LAST, UPSAMPLING = 6, 40, 9, 12


class Silent:
    """In place of a tokeniser: text isn't what is measured."""

    def decode(self, *_: object, **__: object) -> str:
        return ""


def network() -> SpeechLLM:
    torch.manual_seed(7)
    encoder = WhisperEncoder(
        WhisperConfig(d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048)
    )
    llama = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        tie_word_embeddings=True,
        max_position_embeddings=8192,
    )
    llm = LlamaForCausalLM(llama).to(torch.bfloat16)
    decoder = SpeechDecoder(Shape(256, 4, 512, 1e-5), 2, 200, llama, UPSAMPLING, phase=True)
    return SpeechLLM(encoder, SpeechAdapter(512, 576), llm, decoder).eval().requires_grad_(False)


def question(model: SpeechLLM) -> Batch:
    mel = torch.randn(1, 80, SECONDS * 100)
    lengths = torch.tensor([mel.shape[2]])
    heard = int(model.embeddings(lengths))
    speech = torch.tensor([[False] * 20 + [True] * heard + [False] * (WORDS - 20)])
    return Batch(
        ids=("0",),
        mel=mel,
        mel_lengths=lengths,
        tokens=torch.randint(0, 49152, speech.shape),
        speech=speech,
        attended=torch.ones_like(speech),
        labels=torch.full(speech.shape, -100),
    )


def cached(model: SpeechLLM, asked: Batch, count: int) -> float:
    """Milliseconds of a token around the last one."""
    times = []
    for event in generate(Speaker(model, Silent(), frozenset(), bf16=True), asked, count):
        if isinstance(event, Token):
            times.append(time.process_time())
    return statistics.median(after - before for before, after in zip(times[-LAST:], times[-LAST + 1 :])) * 1000


def anew(model: SpeechLLM, asked: Batch, count: int) -> float:
    """Milliseconds of the same: the LLM over prompt and answer, the decoder over all states of the answer."""
    assert model.decoder is not None
    times = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        words = model.llm.get_input_embeddings()(torch.randint(0, 49152, (1, count - 1)))
        embedded = torch.cat((model.embed(asked), words), 1)
        for _ in range(3):
            start = time.process_time()
            states = model.llm.model(inputs_embeds=embedded, use_cache=False).last_hidden_state
            model.llm.lm_head(states[:, -1]).argmax(-1)
            logits, _ = model.decoder(states[:, -count:].float(), torch.tensor([count]))
            Collapse(model.decoder.blank)(logits[0].argmax(-1).tolist())
            times.append(time.process_time() - start)
    return statistics.median(times) * 1000


def multiplications(model: SpeechLLM, read: int, frames: int, past: int, past_frames: int) -> float:
    """Of reading so many tokens and decoding so many frames, each with so much before it."""
    assert model.decoder is not None
    config, head = model.llm.config, model.llm.lm_head.weight.numel()
    llm = sum(value.numel() for value in model.llm.model.layers.parameters()) * read + head
    decoder = sum(value.numel() for value in model.decoder.parameters()) * frames
    attention = 2 * config.num_hidden_layers * config.hidden_size * read * past
    return float(llm + decoder + attention + 2 * len(model.decoder.layers) * 256 * frames * past_frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=500)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, count = network(), options.tokens
    asked = question(model)
    whole, frames = asked.tokens.shape[1] + count - 1, UPSAMPLING * count
    ours, theirs = cached(model, asked, count), anew(model, asked, count)
    # Of what was before, half on the mean, where everything is read.
    predicted = multiplications(model, whole, frames, whole // 2, frames // 2) / multiplications(
        model, 1, UPSAMPLING, whole, frames
    )
    print(f"token {count} behind {asked.tokens.shape[1]} of the question")
    print(f"past kept     {ours:9.1f} ms")
    print(f"all anew      {theirs:9.1f} ms")
    print(f"ratio         {theirs / ours:9.1f}   (multiplications: {predicted:.0f})")


if __name__ == "__main__":
    main()
