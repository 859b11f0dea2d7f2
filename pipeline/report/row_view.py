"""One row as a page shows it: for each group of its columns the texts, the clips, the units, and what was measured."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from voxsmith.pipeline.report import charts
from voxsmith.pipeline.report.budget import Budget
from voxsmith.pipeline.report.words import compare
from voxsmith.schemas.columns import AUGMENTED, CONTINUATION, ROW, Group, own_language, text_column

# Makes a FLAC file of units and the frames that each lasts; None where it can't.
Resound = Callable[[Sequence[int], Sequence[int]], bytes | None]

TEXT_CHARS = 4000
_ASIDE = ("id", "origin", "written", "remark")
_WHO = ("voice", "speaker")  # labels that stand in the heading


class Fact(NamedTuple):
    """A value with the words around it."""

    before: str
    value: str
    after: str


def style_of(group: str) -> str:
    """The group's class in the style sheet, where `row` is the whole row."""
    if own_language(group):
        return "answer"
    return {ROW: "own", AUGMENTED: "own", CONTINUATION: "answer"}.get(group, group)


def has_content(row: dict[str, Any], group: Group) -> bool:
    return any(row.get(group.full(base)) for base, one in group.columns.items() if one.role not in _ASIDE)


def view(row: dict[str, Any], group: Group, budget: Budget, resound: Resound | None) -> dict[str, Any]:
    """What the template needs of the group's columns."""

    def get(base: str | None) -> Any:
        return row.get(group.full(base)) if base else None

    texts = [(base, short(get(base))) for base in group.of("text")]
    source = get("source_transcript")
    if source and get("text") and source != get("text"):
        texts.append(("as its corpus has it", short(source)))
    heard = short(get("heard"))
    said = texts[0][1] if texts else ""
    meant = said or short(row.get(text_column(group.name)))
    clips = [(base, budget.uri(get(base))) for base in group.of("audio")]
    units, durations = get("units"), get("unit_durations")
    return {
        "name": group.name,
        "style": style_of(group.name),
        "who": next((get(base) for base in _WHO if get(base)), None),
        "text": said,
        "more": [(base, text) for base, text in texts[1:] if text],
        "heard": heard,
        "spans": compare(meant, heard) if heard and get("wer") != 0 else [],
        "clip": clips[0][1] if clips else None,
        "other_clips": [(base, uri) for base, uri in clips[1:] if uri],
        "duration": get("duration"),
        "kept": budget.uri({"bytes": resound(units, durations)}) if resound and units else None,
        "strip": charts.unit_strip(units, durations) if units else None,
        "facts": list(facts(row, group)),
    }


def facts(row: dict[str, Any], group: Group) -> Iterator[Fact]:
    """What is known of the group besides texts, clips and duration: ours in words of their own, others by name."""
    for base, one in group.columns.items():
        value = row.get(group.full(base))
        if value is None or base in (*_WHO, "duration", "attempts"):
            continue
        if one.role not in ("measure", "label", "units") and base != "augmentation":
            continue
        if one.role == "units":
            if value:
                yield Fact("", f"{len(value):,}", base)
        elif base == "wer":
            yield Fact("", f"{100 * value:.1f} %", "WER")
        elif base == "mos":
            yield Fact("", f"{value:.2f}", "MOS")
        elif base == "method":
            tries = row.get(group.full("attempts")) or 0
            yield Fact("by", str(value), f", try {tries}" if tries > 1 else "")
        elif base == "speech_attempts":
            if value > 1:
                yield Fact("spoken", str(value), "times")
        elif base == "augmentation":
            yield Fact("with", _put_on(value) or "nothing", "put on it")
        elif one.role == "label":
            yield Fact(base.replace("_", " "), str(value), "")
        elif one.step is not None:
            yield Fact("", f"{value:.4g}" if isinstance(value, float) else f"{value:,}", base.replace("_", " "))


_DRAWN = ("seed", "size", "source", "microphone")  # of an effect: nothing that a person listens for


def _put_on(augmentation: str) -> str:
    """Effects in the order in which they were put on: "noise babble, snr 12.3; telephone"."""
    try:
        effects = json.loads(augmentation)
    except ValueError:
        return augmentation
    if not isinstance(effects, list) or not all(isinstance(effect, dict) for effect in effects):
        return augmentation
    return "; ".join(_effect(effect) for effect in effects)


def _effect(effect: dict[str, Any]) -> str:
    names = " ".join(str(effect[key]) for key in ("effect", "kind") if key in effect)
    values = {key: value for key, value in effect.items() if key not in ("effect", "kind", *_DRAWN)}
    shown = (f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in values.items())
    return ", ".join([names, *shown])


def short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= TEXT_CHARS else text[:TEXT_CHARS] + " …"
