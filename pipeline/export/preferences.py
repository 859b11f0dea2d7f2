"""Pairs of answers to one request, a better and a worse one by a judge's scores: what trainers of preferences (DPO) read.

They are a table beside the dataset, in the same splits. Prompt and answers are messages, which TRL's trainers take as they
are, and of which they read `prompt`, `chosen` and `rejected` alone.
"""

from typing import Any

import pyarrow as pa

from voxsmith.schemas.columns import ASPECTS

OTHERS = "answer_others"  # the column with the replies that weren't chosen
_ASPECTS = tuple(ASPECTS["answer"])
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCORES = pa.struct([(aspect, pa.int8()) for aspect in _ASPECTS])
PREFERENCE_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("licence", pa.string()),
        ("prompt", _MESSAGES),
        ("chosen", _MESSAGES),
        ("rejected", _MESSAGES),
        ("score_chosen", pa.float32()),
        ("score_rejected", pa.float32()),
        ("scores_chosen", _SCORES),
        ("scores_rejected", _SCORES),
    ]
)


def preferences(rows: pa.Table, others: pa.ChunkedArray) -> pa.Table:
    """The pairs of the dataset's rows: the answer, and each of the row's `others` whose mean score is lower.

    `score_chosen` and `score_rejected` are those means, from 1 to 5.
    """
    names = ("id", "licence", "query_text", "answer_text", *(f"answer_judged_{aspect}" for aspect in _ASPECTS))
    pairs = []
    for row, worse in zip(rows.select(names).to_pylist(), others.to_pylist(), strict=True):
        scores = {aspect: row[f"answer_judged_{aspect}"] for aspect in _ASPECTS}
        if None in scores.values():
            continue
        for other in worse or ():
            rejected = {aspect: other[aspect] for aspect in _ASPECTS}
            if _mean(rejected) < _mean(scores):
                pairs.append(
                    {
                        "id": row["id"],
                        "licence": row["licence"],
                        "prompt": _said("user", row["query_text"]),
                        "chosen": _said("assistant", row["answer_text"]),
                        "rejected": _said("assistant", other["text"]),
                        "score_chosen": _mean(scores),
                        "score_rejected": _mean(rejected),
                        "scores_chosen": scores,
                        "scores_rejected": rejected,
                    }
                )
    return pa.Table.from_pylist(pairs, PREFERENCE_SCHEMA)


def _said(role: str, text: str) -> list[dict[str, Any]]:
    return [{"role": role, "content": text}]


def _mean(scores: dict[str, int]) -> float:
    return sum(scores.values()) / len(scores)
