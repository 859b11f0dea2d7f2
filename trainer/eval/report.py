"""What an evaluation says: JSON for programs, Markdown for people."""

from typing import Any

from voxsmith.trainer.eval import generated
from voxsmith.trainer.eval.evaluate import Evaluation
from voxsmith.trainer.eval.measures import Measured, mean, unit_errors

# Means over rows, with what they are called in the report; those that a checkpoint's phase doesn't measure are left out.
LOSSES = {
    "answer": "the answer, its end included",
    "text": "its text",
    "end": "its end",
    "first": "its first token",
    "units": "its units (CTC)",
    "kl": "KL to the answer behind the transcript",
    "kl_end": "KL at its end",
}
SHARES = {
    "first_right": "first token right",
    "right": "token right",
    "agree": "same token as behind the transcript",
}


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Values of all rows together, with speech of their own (`own`) and of other rows (`other`), and of each row."""
    losses = _both(evaluation, LOSSES)
    errors = {"own": unit_errors(evaluation.rows), "other": unit_errors(evaluation.shuffled)}
    return {
        "checkpoint": evaluation.checkpoint,
        "export": evaluation.export,
        "split": evaluation.split,
        "task": evaluation.task,
        "phase": evaluation.phase,
        "rows": len(evaluation.rows),
        "left_out": evaluation.left_out,
        "losses": losses,
        "shares": _both(evaluation, SHARES),
        "unit_errors": {name: vars(one) for name, one in errors.items() if one},
        "rows_where_own_speech_helps": _helped(evaluation),
        "each": _each(evaluation),
        "generated": None,
    }


def as_markdown(values: dict[str, Any]) -> str:
    """Of what `as_json` gives; `generated`: what `generated.as_json` gives, or None."""
    where = values["export"] + (f", split {values['split']}" if values["split"] else "")
    lines = [
        f"# {values['checkpoint']}",
        "",
        f"{values['rows']} rows of {where}, for the task {values['task']}; phase {values['phase']}.",
        *(f"Left out: {count} rows, {reason}." for reason, count in sorted(values["left_out"].items())),
        "",
        "| loss, nats a token or unit | own speech | speech of another row | difference |",
        "|---|---|---|---|",
        *_table(values["losses"], LOSSES, "{:.4f}", "{:+.4f}"),
        "",
        "| share | own speech | speech of another row | difference |",
        "|---|---|---|---|",
        *_table(values["shares"], SHARES, "{:.1%}", "{:+.1%}"),
        *_unit_table(values["unit_errors"]),
        "",
        verdict(values),
        "",
        "The answer is given as it is written: each token is predicted behind the true ones before it.",
        *(generated.as_markdown(values["generated"], values["task"]) if values["generated"] else []),
    ]
    return "\n".join(lines) + "\n"


def _both(evaluation: Evaluation, names: dict[str, str]) -> dict[str, dict[str, float | None]]:
    values = {}
    for name in names:
        own, other = mean(evaluation.rows, name), mean(evaluation.shuffled, name)
        if own is not None:
            difference = other - own if other is not None else None
            values[name] = {"own": own, "other": other, "difference": difference}
    return values


def _helped(evaluation: Evaluation) -> int | None:
    """Rows whose answer costs less behind their own speech."""
    if not evaluation.shuffled:
        return None
    pairs = zip(evaluation.rows, evaluation.shuffled, strict=True)
    return sum(own.sums["answer"] < other.sums["answer"] for own, other in pairs)


def _each(evaluation: Evaluation) -> list[dict[str, Any]]:
    others: list[Measured | None] = [*evaluation.shuffled] or [None] * len(evaluation.rows)
    return [
        {"id": own.id, "own": _means(own), "other": _means(other) if other else None}
        for own, other in zip(evaluation.rows, others, strict=True)
    ]


def _means(row: Measured) -> dict[str, float]:
    return {name: value / row.counts[name] for name, value in row.sums.items() if row.counts[name]}


def _table(values: dict[str, dict[str, float | None]], names: dict[str, str], form: str, signed: str) -> list[str]:
    def cell(value: float | None, how: str) -> str:
        return "" if value is None else how.format(value)

    return [
        f"| {names[name]} | {cell(one['own'], form)} | {cell(one['other'], form)} | {cell(one['difference'], signed)} |"
        for name, one in values.items()
    ]


def _unit_table(errors: dict[str, dict[str, Any]]) -> list[str]:
    names = {"own": "own speech", "other": "speech of another row"}
    if not errors:
        return []
    return [
        "",
        "| unit errors of the decoder | rate | substitutions | deletions | insertions | units |",
        "|---|---|---|---|---|---|",
        *(
            f"| {names[name]} | {one['rate']:.1%} | {one['substitutions']} | {one['deletions']} | {one['insertions']} "
            f"| {one['wanted']} |"
            for name, one in errors.items()
        ),
    ]


def verdict(values: dict[str, Any]) -> str:
    difference, helped = values["losses"]["answer"]["difference"], values["rows_where_own_speech_helps"]
    if difference is None:
        return "The shuffle test needs two rows." if values["rows"] < 2 else "The shuffle test was left out."
    said = f"Shuffle test: with the speech of another row the answer's loss changes by {difference:+.4f}; "
    said += f"{helped} of {values['rows']} rows are better off with their own."
    return said if difference > 0 else f"{said} **The model does not make use of what it hears.**"
