"""What a recipe's checks say of a row of one's own: the stages that a run would put it through say it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from voxsmith.pipeline.check.clips import Clips, hears, listens, measures, transcript_row, words_alone
from voxsmith.pipeline.check.rows import Given, read_rows
from voxsmith.pipeline.check.walk import Engines, NotThere, Unasked, run_node, walk, with_settings
from voxsmith.pipeline.recipe.nodes import Graph, Node
from voxsmith.schemas.columns import full_name, text_column
from voxsmith.stages.context import Reject, Row
from voxsmith.stages.registry import stage
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete
from voxsmith.stages.trials import TRIALS

BAD_ROW, NOT_CHECKED, UNAVAILABLE = "bad_row", "not_checked", "unavailable"


@dataclass(frozen=True)
class Verdict:
    """`reason`: a code; "" where the row is good. `message`: for a person. `said`: the text as it would be spoken; "" where
    there is none. `measures`: of a clip or a transcript.

    `bad_row`, `not_checked` and `unavailable` are no verdicts on content: the line is no row, the recipe has no such
    check, an engine isn't there.
    """

    ok: bool
    reason: str = ""
    message: str = ""
    said: str = ""
    measures: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in ("ok", "reason", "message", "said")}
        return plain | ({"measures": self.measures} if self.measures else {})


class NotChecked(Exception):
    """The recipe checks no such row; the message says what it lacks."""


def verdicts(graph: Graph, file: str) -> Iterator[Verdict]:
    """One for each line of the file, in order; blank lines count. Raises RecipeError where it can't be opened."""
    engines, files = Engines(graph), Clips(Path(file).parent)
    try:
        for given in read_rows(file):
            if isinstance(given, Given):
                yield _verdict(graph, given, engines, files)
            else:
                yield Verdict(False, BAD_ROW, str(given[1]))
    finally:
        engines.close()
        files.close()


def _verdict(graph: Graph, given: Given, engines: Engines, files: Clips) -> Verdict:
    try:
        if given.kind in TRIALS:
            return _tried(graph, given)
        if given.kind == "text":
            return _spoken(graph, given)
        return _heard(graph, given, engines, files)
    except NotChecked as error:
        return Verdict(False, NOT_CHECKED, str(error))
    except NotThere as error:
        return Verdict(False, UNAVAILABLE, str(error))


def _tried(graph: Graph, given: Given) -> Verdict:
    """The verdict on a request or an answer, by the stage that would have an LLM write it."""
    trials = TRIALS[given.kind]
    node = next((node for node in graph.nodes.values() if node.stage.name in trials), None)
    if node is None:
        raise NotChecked(f"the recipe has no stage {' or '.join(trials)}, whose checks these rows are for")
    trial = trials[node.stage.name](given.fields)
    group, column = given.kind, text_column(given.kind)
    row = start(given) | trial.row
    if given.kind == "query":
        row.pop("query_text", None)
    else:
        row.pop("answer_text", None)

    def ask(node: Node, request: Request) -> Any:
        if isinstance(request, Complete):
            return trial.reply(request)
        raise NotThere(f"stages.{node.name} asks a {type(request).__name__}, for which there is no reply here")

    try:
        written = run_node(with_settings(node, dict(trial.settings)), graph.recipe.seed, row, ask)
    except Reject as reject:
        return _refused(reject, said_of(graph, group, reject.sample, row))
    said = said_of(graph, group, written[column], row)
    if mended := trial.mended(written):
        return Verdict(False, "context", mended, said if isinstance(said, str) else "")
    return _refused(said, "") if isinstance(said, Reject) else Verdict(True, said=said)


def _spoken(graph: Graph, given: Given) -> Verdict:
    """The verdict on a written text: how it would be spoken."""
    group = given.fields.get("of") or next(iter(_spoken_groups(graph)), "query")
    said = said_of(graph, group, given.fields["written"], start(given))
    return _refused(said, "") if isinstance(said, Reject) else Verdict(True, said=said)


def _heard(graph: Graph, given: Given, engines: Engines, files: Clips) -> Verdict:
    """The verdict on a clip, or on a transcript of one."""
    judge = judge_of(graph, given.fields.get("of"))
    group, row = judge.config.of, start(given)
    said = said_of(graph, group, given.fields["text"], row)
    spoken = said if isinstance(said, str) else ""
    try:
        if given.kind == "transcript":
            row |= transcript_row(judge, given)
            walk(graph, row, words_alone(judge), hears(given))
        else:
            row |= files.row(judge, graph, given)
            walk(graph, row, judge, listens(engines))
    except Reject as reject:
        return _refused(reject, spoken, measures(group, row, given.kind))
    return Verdict(True, said=spoken, measures=measures(group, row, given.kind))


def judge_of(graph: Graph, group: str | None) -> Node:
    """The stage that judges the group's clips. Raises NotChecked."""
    judges = {node.config.of: node for node in graph.nodes.values() if node.stage.name in ("pick", "verify")}
    if group is None and judges:
        return judges.get("answer") or next(iter(judges.values()))
    if group not in judges:
        which = f"of: {group}; it judges {', '.join(judges)}" if judges else "any group"
        raise NotChecked(f"the recipe has no stage pick or verify for clips {which}")
    return judges[group or ""]


def said_of(graph: Graph, group: str, text: str, row: Row) -> str | Reject:
    """The text as the group's voice gets it, or why it gets none."""
    node = _spoken_groups(graph).get(group) or _normalise(group)
    if not text:
        return ""
    try:
        written = run_node(node, 0, row | {text_column(group): text}, _nobody)
    except Reject as reject:
        return reject
    return str(written[full_name(group, "spoken")])


def start(given: Given) -> Row:
    """What each row has besides what is checked."""
    name = f"line {given.line}"
    row: Row = {"id": name, "conversation_id": name, "turn": 0, "source": ""}
    return row | ({"language": given.fields["language"]} if "language" in given.fields else {})


def _spoken_groups(graph: Graph) -> dict[str, Node]:
    return {node.config.of: node for node in graph.nodes.values() if node.stage.name == "normalise"}


def _normalise(group: str) -> Node:
    """As a recipe would say it that speaks the group and sets nothing."""
    try:
        config = stage("normalise").config.model_validate({"of": group})
    except ValidationError:
        raise NotChecked(
            f"'of' is '{group[:40]}'; a group is query, answer, continuation, row or translation_TO"
        ) from None
    return Node("normalise", "normalise", config, None, None)


def _nobody(node: Node, request: Request) -> Any:
    raise Unasked


def _refused(reject: Reject, said: str | Reject, measured: dict[str, Any] | None = None) -> Verdict:
    message = reject.message.removeprefix("reply 1: ").removeprefix("attempt 1: ")  # there is only one
    return Verdict(False, reject.reason, message, said if isinstance(said, str) else "", measured or {})
