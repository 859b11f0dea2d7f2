"""A judge's grades beside what was generated: of each answer's text, and of what ASR hears of its speech."""

from typing import Any

from voxsmith.trainer.eval.judge import GRADES, Asked, identity, judge, of_row, summary
from voxsmith.trainer.eval.judge_server import Server


def grade(generated: dict[str, Any], server: Server) -> None:
    """Add `judge` to what `generated.as_json` gives, and to each of its rows: `text`, and `speech` where any was heard, as
    LLaMA-Omni's evaluation has it (S2TIF and S2SIF). Of the key nothing is kept.
    """
    each = generated["each"]
    for row in each:
        row["judge"] = {}
    generated["judge"] = dict(identity(server))
    for name, key in (("text", "text"), ("speech", "heard")):
        rows = [row for row in each if row[key] is not None]
        if not rows:
            continue
        results = judge(server, [Asked(row["question"], row[key]) for row in rows])
        generated["judge"][name] = summary(results)
        for row, result in zip(rows, results, strict=True):
            row["judge"][name] = of_row(result)


def as_markdown(judged: dict[str, Any]) -> list[str]:
    """Lines, of what `grade` adds to all rows."""
    lines = [
        "",
        f"## Grades by {judged['model']}",
        "",
        f"From 1 to 5, by {judged['rubric']} ({judged['rubric_digest']}), at {judged['server']}.",
        "",
        "| | mean | 95 % interval | rows |",
        "|---|---|---|---|",
    ]
    notes = []
    for name, whose in (("text", "text"), ("speech", "its speech, as ASR hears it")):
        values = judged.get(name, {})
        for kind, said in GRADES.items():
            if mean := values.get(kind):
                wide = f"{mean['low']:.2f} to {mean['high']:.2f}"
                lines.append(f"| {whose}: {said} | {mean['mean']:.2f} | {wide} | {mean['count']} |")
        for why, count in values.get("not_judged", {}).items():
            notes.append(f"- {count} not judged ({name}): {_plain(why)}")
    return [*lines, *(["", *notes] if notes else [])]


def _plain(text: str) -> str:
    """What a server said, without signs that Markdown reads as its own."""
    return "".join(" " if letter in "|`<>[]*_#" else letter for letter in text)
