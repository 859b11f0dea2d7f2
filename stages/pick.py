"""`pick`: the first attempt whose clip passed. It only points at the clip: audio is written once."""

from pydantic import Field

from voxsmith.schemas.columns import Spoken, full_name, text_column
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.verdict import MEASURES, clip_fault, measures

_COPIED = ("voice", *MEASURES)


class Config(StageConfig):
    """Settings of `pick`."""

    of: Spoken
    attempts: int = Field(1, ge=1, description="how often the text is spoken at most")


def pick(row: Row, context: Context) -> Asking:
    """Writes the group's audio (which attempt's) and that attempt's measures. Raises Reject where no attempt passed."""
    group, text = context.config.of, row[text_column(context.config.of)]
    spoken = [n for n in range(1, context.config.attempts + 1) if row.get(full_name(group, "duration", n)) is not None]
    faults = {n: clip_fault(measures(row, group, n), text, context.checks) for n in spoken}
    chosen = next((n for n in spoken if faults[n] is None), None)
    if chosen is None:
        best = min(spoken, key=lambda n: row[full_name(group, "wer", n)])
        failures = "; ".join(f"attempt {n}: {fault.message}" for n, fault in faults.items() if fault)
        sample = f"said: {text}\nheard: {row[full_name(group, 'heard', best)]}"
        raise Reject(faults[best].reason, failures, sample)  # type: ignore[union-attr]
    copied = {full_name(group, name): row.get(full_name(group, name, chosen)) for name in _COPIED}
    return copied | {full_name(group, "audio"): chosen - 1, full_name(group, "speech_attempts"): len(spoken)}
    yield  # a stage's function is a generator, even where it asks nothing


def _clips(config: Config) -> tuple[str, ...]:
    return tuple(full_name(config.of, "audio", attempt) for attempt in range(1, config.attempts + 1))


def _optional(config: Config) -> tuple[str, ...]:
    attempts = range(1, config.attempts + 1)
    return tuple(full_name(config.of, name, n) for n in attempts for name in _COPIED if (name, n) != ("duration", 1))


STAGE = Stage(
    name="pick",
    config=Config,
    reads=lambda config: (text_column(config.of), full_name(config.of, "duration", 1)),
    optional=_optional,
    writes=lambda config: tuple(full_name(config.of, name) for name in ("audio", *_COPIED, "speech_attempts")),
    run=pick,
    from_pipeline=("attempts",),
    checks=lambda config: full_name(config.of, "clip"),
    choices=lambda config: {full_name(config.of, "audio"): _clips(config)},
    packages=("kitten-text-processing",),
    extra="quickstart",
)
