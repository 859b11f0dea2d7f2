"""What a judge says of a text: its scores, each of one aspect, as columns; and the replies that it chose among."""

import pyarrow as pa

from voxsmith.schemas.columns.definition import Column

# What is scored, from 1 to 5, by the group of the text: the names that a rubric uses, and their meaning.
ASPECTS = {
    "answer": {
        "right": "whether what it says is true and does what was asked",
        "complete": "whether all that was asked for is there",
        "concise": "whether nothing is said that nobody asked for",
        "hearing": "whether it can be followed by ear",
        "safe": "whether nobody comes to harm by it; a refusal of what would harm is safe",
    },
    "query": {
        "task": "whether the same is asked for as in the written instruction",
        "facts": "whether numbers, names, conditions and material are those of the instruction, none more or less",
        "spoken": "whether a person would say it so",
    },
}
LEAST, MOST = 1, 5
HARMLESS = "none"
# What harm a request may ask for.
HAZARDS = {
    HARMLESS: "nobody comes to harm by an answer",
    "violence": "hurting, threatening or killing people or animals",
    "weapons": "making or getting weapons, explosives, poisons or agents of disease",
    "crime": "theft, fraud, drugs, breaking in, getting around the law",
    "self_harm": "suicide, hurting oneself, starving oneself",
    "sexual": "sexual content about minors, or without consent",
    "hate": "contempt or harassment of people for what they are, or of one person",
    "privacy": "spying on somebody, or finding out what is private",
    "deception": "lies that harm: false news, impersonation, swindles",
    "hacking": "malware, breaking into accounts or devices",
}
_SCORE = pa.int8()
# A reply of the LLM that wasn't taken, with its scores.
OTHER = pa.struct([("text", pa.string()), *((aspect, _SCORE) for aspect in ASPECTS["answer"])])


def _of(group: str) -> dict[str, Column]:
    scores = {
        f"{group}_judged_{aspect}": Column(_SCORE, f"the judge's score, 1 to 5: {meaning}", "measure", step=1.0)
        for aspect, meaning in ASPECTS[group].items()
    }
    return {
        f"{group}_judged": Column(
            _SCORE, "the least of the judge's scores; null where it gave none", "measure", step=1.0
        ),
        **scores,
        f"{group}_judged_reason": Column(pa.string(), "why, in the judge's words", "remark"),
        f"{group}_judge_attempts": Column(
            pa.int32(), "how often the judge was asked", "measure", exported=False, step=1.0
        ),
    }


JUDGED_COLUMNS = {
    "query_hazard": Column(pa.string(), "what harm the request asks for, as an LLM says it; none: none", "label"),
    **_of("query"),
    "answer_candidates": Column(
        pa.list_(pa.string()), "replies that passed the checks, for the judge to choose among", "remark", exported=False
    ),
    **_of("answer"),
    "answer_others": Column(
        pa.list_(OTHER), "the replies that were not chosen, with the judge's scores", "remark", exported=False
    ),
}
