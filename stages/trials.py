"""How a text that a person has at hand is put before a stage that asks an LLM: as the LLM's only reply.

So a person's text goes through all checks of the stage, whatever these are, and nothing of them stands here.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from voxsmith.models.openai_protocol import was_cut
from voxsmith.stages.context import Row
from voxsmith.stages.requests.llm import Complete, Completion

_ONCE = {"attempts": 1, "candidates": 1}
_QUERY_ALONE = _ONCE | {"format": "chat", "fallback": "none", "filler_rate": 0.0}


class Trial(NamedTuple):
    """`row`: the columns that the stage reads. `settings`: in place of the recipe's, where the stage has such a setting;
    `reply`: to each request. `mended`: what the stage made of the text, where it is no longer the one that was tried.
    """

    row: Row
    settings: Mapping[str, Any]
    reply: Callable[[Complete], Completion]
    mended: Callable[[Row], str] = lambda written: ""


def _query(given: Mapping[str, Any]) -> Trial:
    """`instruction`, `context`, `query`. The query is a chat's reply: a completion would be given the first words."""
    reply = json.dumps({"spoken": given["query"]}, ensure_ascii=False)
    row = {"instruction": given["instruction"], "context": given.get("context") or None}
    return Trial(
        row | {"answer_text": "Yes."}, _QUERY_ALONE, lambda request: Completion(reply, "stop", 0), _lacks_material
    )


def _answer(given: Mapping[str, Any]) -> Trial:
    """`query`, `reply`, `finish`, `completion_tokens`. The reply is read as the recipe's `format` has it."""
    row = {"instruction": given["query"], "context": None, "query_text": given["query"]}
    finish, tokens = given.get("finish"), given.get("completion_tokens") or 0

    def reply(request: Complete) -> Completion:
        return Completion(given["reply"], "length" if was_cut(finish, tokens, request.max_tokens) else "stop", tokens)

    return Trial(row, _ONCE, reply)


def _lacks_material(written: Row) -> str:
    return "what it is about isn't in it; in a run it would be put behind it" if "+" in written["query_method"] else ""


# By what is tried and the stage's name. `converse` makes only what a row lacks: here the one text that is tried.
TRIALS: dict[str, dict[str, Callable[[Mapping[str, Any]], Trial]]] = {
    "query": {"rewrite": _query, "converse": _query},
    "answer": {"respond": _answer, "converse": _answer},
}
