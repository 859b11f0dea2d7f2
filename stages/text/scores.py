"""What a judge's reply says: a score for each aspect, from 1 to 5, and the reason."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from voxsmith.schemas.text import clean

LEAST, MOST = 1, 5
_LONGEST = 20_000  # characters of a reply that are read
_REASON = 1_000  # characters of a reason that are kept


class Scores(NamedTuple):
    """By aspect, 1 to 5; why, in the judge's words."""

    by_aspect: Mapping[str, int]
    reason: str

    @property
    def least(self) -> int:
        return min(self.by_aspect.values())

    @property
    def mean(self) -> float:
        return sum(self.by_aspect.values()) / len(self.by_aspect)


def read_scores(reply: str, aspects: Sequence[str]) -> Scores | None:
    """The scores in a judge's reply; None where it doesn't give each of them as a whole number from 1 to 5.

    They stand in a JSON object, whatever is around it: the last one counts, because some models draft before they judge.
    Where there is no such object, lines such as "right: 4" do.
    """
    text = reply[-_LONGEST:]
    for values in (*_objects(text), _lines(text, aspects)):
        scores = {aspect: _score(values.get(aspect)) for aspect in aspects}
        if all(scores.values()):
            reason = values.get("reason")
            said = clean(reason[:_REASON]).strip() if isinstance(reason, str) else ""
            return Scores({aspect: value for aspect, value in scores.items() if value}, said)
    return None


def scores_schema(aspects: Iterable[str]) -> str:
    """JSON schema, as text, of what `read_scores` reads. The reason comes first: a score that follows it keeps to it better.

    Whole numbers are listed one by one: strict servers take no bounds.
    """
    number = {"type": "integer", "enum": list(range(LEAST, MOST + 1))}
    properties = {"reason": {"type": "string"}, **dict.fromkeys(aspects, number)}
    wanted = {"type": "object", "properties": properties, "required": list(properties)}
    return json.dumps(wanted | {"additionalProperties": False})


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in the text that stand in no other, the last one first."""
    decoder, objects, start = json.JSONDecoder(strict=False), list[dict[str, Any]](), 0
    while (start := text.find("{", start)) >= 0:
        try:
            value, start = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            start += 1
            continue
        objects.append(value)
    yield from reversed(objects)


def _lines(text: str, aspects: Iterable[str]) -> dict[str, Any]:
    """What lines such as "right: 4" or "**Right** = 4/5" say."""
    said: dict[str, Any] = {}
    for aspect in aspects:
        match = re.search(rf"^\W*{aspect}\W{{0,4}}[:=]\W{{0,4}}(\d+(?:\.\d+)?(?:/5)?)(?![\w.])", text, re.I | re.M)
        said[aspect] = match[1] if match else None
    if reason := re.search(r"^\W*reason\W{0,4}[:=] *(.+)$", text, re.I | re.M):
        said["reason"] = reason[1]
    return said


def _score(value: Any) -> int | None:
    """4, 4.0, "4" and "4/5" are a 4; what is beyond the scale, or between two scores, is none."""
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d)(?:\.0)?\s*(?:/\s*5)?\s*", value)
        value = int(match[1]) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in range(LEAST, MOST + 1):
        return None
    return int(value)
