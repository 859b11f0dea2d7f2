"""`pick`: the first attempt whose clip passed. It only points at the clip: audio is written once."""

from pydantic import Field

from voxsmith.schemas.columns import Side
from voxsmith.stages.context import Asking, Context, Reject, Row
from voxsmith.stages.stage import Stage, StageConfig
from voxsmith.stages.verdict import MEASURES, clip_fault, measures

_COPIED = ("voice", *MEASURES)


class Config(StageConfig):
    """Settings of `pick`."""

    of: Side
    attempts: int = Field(1, ge=1, description="how often the text is spoken at most")


def pick(row: Row, context: Context) -> Asking:
    """Writes {of}_audio (which attempt's) and that attempt's measures. Raises Reject where no attempt passed."""
    side = context.config.of
    spoken = [n for n in range(1, context.config.attempts + 1) if row.get(f"{side}_duration_{n}") is not None]
    faults = {n: clip_fault(measures(row, side, n), row[f"{side}_text"], context.checks) for n in spoken}
    chosen = next((n for n in spoken if faults[n] is None), None)
    if chosen is None:
        best = min(spoken, key=lambda n: row[f"{side}_wer_{n}"])
        failures = "; ".join(f"attempt {n}: {fault.message}" for n, fault in faults.items() if fault)
        sample = f"said: {row[f'{side}_text']}\nheard: {row[f'{side}_heard_{best}']}"
        raise Reject(faults[best].reason, failures, sample)  # type: ignore[union-attr]
    copied = {f"{side}_{name}": row.get(f"{side}_{name}_{chosen}") for name in _COPIED}
    return copied | {f"{side}_audio": chosen - 1, f"{side}_speech_attempts": len(spoken)}
    yield  # a stage's function is a generator, even where it asks nothing


def _clips(config: Config) -> tuple[str, ...]:
    return tuple(f"{config.of}_audio_{attempt}" for attempt in range(1, config.attempts + 1))


def _optional(config: Config) -> tuple[str, ...]:
    attempts = range(1, config.attempts + 1)
    return tuple(f"{config.of}_{name}_{n}" for n in attempts for name in _COPIED if (name, n) != ("duration", 1))


STAGE = Stage(
    name="pick",
    config=Config,
    reads=lambda config: (f"{config.of}_text", f"{config.of}_duration_1"),
    optional=_optional,
    writes=lambda config: (
        f"{config.of}_audio",
        *(f"{config.of}_{name}" for name in _COPIED),
        f"{config.of}_speech_attempts",
    ),
    run=pick,
    from_pipeline=("attempts",),
    checks=lambda config: f"{config.of}_clip",
    choices=lambda config: {f"{config.of}_audio": _clips(config)},
    packages=("WeTextProcessing",),
    extra="quickstart",
)
