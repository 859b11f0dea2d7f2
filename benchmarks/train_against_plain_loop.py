"""Stage 1 of the trainer against a plain loop on transformers: the same models and rows, as many rows a step, one run.

    python benchmarks/train_against_plain_loop.py [--data out/quickstart] [--repeats 3] [--float32] [--json FILE]

Ours is configs/train/llama_omni_stage1.yaml with the profile tiny, by the trainer's own batches and steps: first with the encoder
at work, then with its frames kept on the disk (`encoder.features`; the epoch that fills the folder isn't counted). The encoder and
the LLM stand still, the adapter learns.

The plain loop does what one writes with the libraries at hand: WhisperFeatureExtractor, which fills each clip up to 30 s;
transformers' encoder over its 1,500 frames; 300 embeddings a clip; rows drawn at random, as many a step as ours has on the
mean, filled up to the longest; LlamaForCausalLM's own loss; AdamW. It isn't held back: it has as many loading processes, which
live as long as the run, bf16 autocast, a frozen LLM held in bf16, no gradients in the encoder, and one batch a step. `--float32`
runs it once more without any bf16, which is what a loop does that says nothing of precision.

Each repetition is an epoch of each, one after the other, so that what else the machine does strikes all. Told are steps a second,
at rows a step that are equal for all; the share of time that was waited for batches; shares of audio and tokens that only pad
(of the plain loop's, also the silence that fills clips up); and the ratios of each repetition. Times are by the clock: run it
with nothing else at work.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from voxsmith.models.chat import Chat
from voxsmith.schemas.recipe_file import checked, read_yaml
from voxsmith.trainer.build import Built, adapter, build, chat_of
from voxsmith.trainer.checkpoint import State
from voxsmith.trainer.data.exports import clip
from voxsmith.trainer.data.mel import RATE
from voxsmith.trainer.data.mixture import Source
from voxsmith.trainer.fit.corpus import corpus, planned
from voxsmith.trainer.fit.features import kept_features, with_frames
from voxsmith.trainer.fit.loop import PHASES, step
from voxsmith.trainer.fit.stream import stream
from voxsmith.trainer.fit.workers import ALONE
from voxsmith.trainer.networks.whisper import MEL_RATE
from voxsmith.trainer.objectives import IGNORED
from voxsmith.trainer.recipe import TrainRecipe

ROOT = Path(__file__).parents[1]
CPU, WHOLE = torch.device("cpu"), 30.0


@dataclass
class Taken:
    """What some steps took: seconds, of which `waited` for batches; `audio` and `tokens`: real ones, and places for them."""

    steps: int = 0
    rows: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    audio: float = 0.0
    audio_places: float = 0.0
    tokens: int = 0
    token_places: int = 0


class Ours:
    """The trainer's own batches and steps."""

    def __init__(self, recipe: TrainRecipe, built: Built) -> None:
        self.recipe, self.network = recipe, built.network
        self.features = kept_features(recipe)
        self.corpus = corpus(recipe.data, recipe, built, chat_of(built, recipe), self.features)
        self.groups = PHASES[recipe.phase].learns(self.network, recipe)
        self.optimiser = torch.optim.AdamW([{"params": group.parameters, "lr": group.lr} for group in self.groups])
        self.state = State(place=self.steps - 1)  # the last step of an epoch is for warming up
        self.batches = stream(self.corpus, recipe, self.state, CPU, ALONE)
        self.run(1)

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return len(planned(self.corpus, self.recipe, 0)[1])

    def run(self, steps: int) -> Taken:
        taken, start = Taken(steps), time.monotonic()
        for _ in range(steps):
            asked = time.monotonic()
            batches = next(self.batches)
            taken.waited += time.monotonic() - asked
            batches = [with_frames(batch, self.network, self.recipe, self.features) for batch in batches]
            step(self.network, batches, self.groups, self.optimiser, self.recipe)
            self.state.place += 1
            for batch in batches:
                taken.rows += len(batch.ids)
                taken.audio += float(batch.mel_lengths.sum()) / MEL_RATE
                taken.audio_places += len(batch.ids) * float(batch.mel_lengths.max()) / MEL_RATE
                taken.tokens += int(batch.attended.sum())
                taken.token_places += batch.attended.numel()
        taken.seconds = time.monotonic() - start
        return taken


@dataclass(frozen=True)
class Row:
    """Of the plain loop: the clip, and ids before and behind the speech."""

    samples: np.ndarray
    before: list[int]
    after: list[int]
    answer: list[int]


class Rows:
    """A dataset as one writes it: a row at a time, and what fills rows up to a batch."""

    def __init__(self, source: Source, chat: Chat, bins: int) -> None:
        from transformers import WhisperFeatureExtractor

        self.source, self.chat, self.extractor = source, chat, WhisperFeatureExtractor(feature_size=bins)

    def __len__(self) -> int:
        return len(self.source.usable)

    def __getitem__(self, place: int) -> Row:
        task = self.source.task
        row = self.source.export.row(self.source.usable[place], task.columns)
        around = self.chat.around_speech(task.request)
        answer = list(self.chat.answer(row[task.answer]))
        return Row(clip(row[task.audio]), list(around.before), list(around.after), answer)

    def together(self, rows: list[Row]) -> dict[str, Any]:
        heard = self.extractor([row.samples for row in rows], sampling_rate=RATE, return_tensors="pt")
        return {"rows": rows, "mel": heard["input_features"]}


class Plain:
    """The loop on transformers."""

    def __init__(self, recipe: TrainRecipe, built: Built, source: Source, steps: int, float32: bool) -> None:
        self.encoder, self.llm, self.float32 = built.network.encoder, built.network.llm, float32
        for still in (self.encoder, self.llm):
            still.requires_grad_(False).eval()
        self.rows = Rows(source, chat_of(built, recipe), self.encoder.config.num_mel_bins)
        self.adapter = adapter(recipe.adapter, self.encoder.config.d_model, self.llm.config.hidden_size)
        self.optimiser = torch.optim.AdamW(self.adapter.parameters(), recipe.adapter.lr)
        loader: Any = DataLoader(
            self.rows,  # type: ignore[arg-type]
            batch_sampler=self._drawn(steps),
            num_workers=recipe.run.workers,
            collate_fn=self.rows.together,
        )
        self.batches = iter(loader)
        self.run(1)

    def _drawn(self, steps: int) -> Iterator[list[int]]:
        """Epoch after epoch, its rows at random in so many batches; before them one to warm up."""
        draw = np.random.default_rng(0)
        yield draw.permutation(len(self.rows))[: len(self.rows) // steps].tolist()
        while True:
            yield from (part.tolist() for part in np.array_split(draw.permutation(len(self.rows)), steps))

    def run(self, steps: int) -> Taken:
        taken, start = Taken(steps), time.monotonic()
        for _ in range(steps):
            asked = time.monotonic()
            batch = next(self.batches)
            taken.waited += time.monotonic() - asked
            self._step(batch["rows"], batch["mel"], taken)
        taken.seconds = time.monotonic() - start
        return taken

    def _step(self, rows: list[Row], mel: Tensor, taken: Taken) -> None:
        with nullcontext() if self.float32 else torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                frames = self.encoder(mel).last_hidden_state
            speech = self.adapter(frames)
            words = self.llm.get_input_embeddings()
            embedded, labels = [], []
            for row, heard in zip(rows, speech, strict=True):
                before, after = words(torch.tensor(row.before)), words(torch.tensor(row.after + row.answer))
                embedded.append(torch.cat([before, heard.to(before.dtype), after]))
                labels.append(torch.tensor([IGNORED] * (len(embedded[-1]) - len(row.answer)) + row.answer))
            mask = pad_sequence([torch.ones(len(one), dtype=torch.long) for one in labels], batch_first=True)
            loss = self.llm(
                inputs_embeds=pad_sequence(embedded, batch_first=True),
                attention_mask=mask,
                labels=pad_sequence(labels, batch_first=True, padding_value=IGNORED),
                use_cache=False,
            ).loss
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.adapter.parameters(), 1.0)
        self.optimiser.step()
        float(loss.detach())
        seconds = [len(row.samples) / RATE for row in rows]
        taken.rows += len(rows)
        taken.audio += sum(seconds)
        taken.audio_places += WHOLE * len(rows)
        silent = sum(int(speech.shape[1] * (1 - one / WHOLE)) for one in seconds)
        taken.tokens += int(mask.sum()) - silent
        taken.token_places += mask.numel()


def line(name: str, some: list[Taken], rows: float) -> str:
    """A line: steps of so many rows a second, its spread, waiting, padding."""
    rates = sorted(one.rows / rows / one.seconds for one in some)
    waited = sum(one.waited for one in some) / sum(one.seconds for one in some)
    audio = 1 - sum(one.audio for one in some) / sum(one.audio_places for one in some)
    tokens = 1 - sum(one.tokens for one in some) / sum(one.token_places for one in some)
    return (
        f"{name:<16} {statistics.median(rates):8.4f} ({rates[0]:.4f} to {rates[-1]:.4f})"
        f" {waited:8.1%} {audio:14.1%} {tokens:15.1%}"
    )


def ratios(ours: list[Taken], theirs: list[Taken]) -> list[float]:
    """Of each repetition, rows a second."""
    pairs = zip(ours, theirs, strict=True)
    return sorted(one.rows / one.seconds / (other.rows / other.seconds) for one, other in pairs)


def recipe_of(options: argparse.Namespace, features: str | None) -> TrainRecipe:
    sets = [f"data=[{{path: {options.data}, split: {options.split}}}]", "validation=[]"]
    sets += [f"encoder.features={features or 'null'}", *options.set]
    return checked(TrainRecipe, read_yaml(str(options.recipe)), str(options.recipe), sets, options.profile)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="out/quickstart", help="an export")
    parser.add_argument("--split", default="train")
    parser.add_argument("--recipe", type=Path, default=ROOT / "configs/train/llama_omni_stage1.yaml")
    parser.add_argument("--profile", default="tiny")
    parser.add_argument("--set", action="append", default=[], help="a key of the recipe, as the trainer's --set")
    parser.add_argument("--repeats", type=int, default=3, help="of each")
    parser.add_argument("--steps", type=int, help="a repetition has so many; without: an epoch")
    parser.add_argument("--float32", action="store_true", help="also the plain loop without bf16")
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch; without: as many as it takes")
    parser.add_argument("--json", type=Path, help="a file for all that was measured")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        measured, rows = measure(options, folder)
    print(f"{rows:.2f} rows a step, {len(measured['ours'])} times {measured['ours'][0].steps} steps of each")
    print(f"{torch.get_num_threads()} threads and {recipe_of(options, None).run.workers} processes that load")
    print(
        f"{'':16} {'steps/s':>8} {'(least to most)':>18} {'waiting':>8} {'padding, audio':>14} {'padding, tokens':>15}"
    )
    for name, some in measured.items():
        print(line(name, some, rows))
    quotients = {}
    for name in ("ours", "ours, kept"):
        for other in [one for one in measured if one.startswith("plain")]:
            values = quotients[f"{name} / {other}"] = ratios(measured[name], measured[other])
            print(f"{name} / {other}: {statistics.median(values):.2f} ({values[0]:.2f} to {values[-1]:.2f})")
    if options.json:
        parts = {name: [asdict(one) for one in some] for name, some in measured.items()}
        options.json.write_text(json.dumps({"rows_a_step": rows, "measured": parts, "ratios": quotients}, indent=1))


def measure(options: argparse.Namespace, folder: str) -> tuple[dict[str, list[Taken]], float]:
    """What each took, by name and repetition; rows a step."""
    recipe = recipe_of(options, None)
    built = build(recipe)
    ours = Ours(recipe, built)
    rows, (source, *_) = ours.corpus.rows / ours.steps, ours.corpus.sources
    kept = Ours(recipe_of(options, folder), build(recipe))
    kept.run(kept.steps)  # fills the folder
    steps = options.steps or ours.steps
    runs: dict[str, Callable[[], Taken]] = {
        "ours": lambda: ours.run(steps),
        "ours, kept": lambda: kept.run(steps),
    }
    for name, float32 in (("plain, bf16", False), *((("plain, float32", True),) if options.float32 else ())):
        of = (
            recipe.model_copy(update={"run": recipe.run.model_copy(update={"precision": "float32"})})
            if float32
            else recipe
        )
        plain = Plain(of, build(of) if float32 else built, source, ours.steps, float32)
        runs[name] = lambda plain=plain: plain.run(steps)  # type: ignore[misc]
    measured: dict[str, list[Taken]] = {name: [] for name in runs}
    for repeat in range(options.repeats):
        for name in (*runs,) if repeat % 2 == 0 else reversed(runs):
            measured[name].append(runs[name]())
    return measured, rows


if __name__ == "__main__":
    main()
