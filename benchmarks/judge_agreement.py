"""How far a judge is to be trusted: its scores against planted cases, and what length alone does to them.

    python benchmarks/judge_agreement.py '{backend: llm_llamacpp}' --form completion --limit 20
    python benchmarks/judge_agreement.py '{backend: llm_openai, base_url: "http://127.0.0.1:8000/v1", model: my-model}'

Planted cases (tests/data/planted_answers.jsonl, planted_queries.jsonl; `--cases` names others) say whether they are good.
Printed as JSON: the share of replies from which scores could be read; how often a good case has a higher least score than
a bad one (ties count half: 0.5 is chance); at the recipe's usual gates the bad that are caught and the good that are
refused; of answers also what two sentences that nobody asked for do to each score of a good answer, and the correlation
of the mean score with an answer's length. A judge sees one answer at a time, so there is no order that it could prefer.
"""

import argparse
import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from voxsmith.pipeline.check.walk import drive
from voxsmith.schemas.checks import Checks
from voxsmith.schemas.columns import ASPECTS
from voxsmith.stages.context import Context
from voxsmith.stages.judge import STAGE, Config
from voxsmith.stages.registry import backend

ROOT = Path(__file__).parents[1]
PADDING = "That is a really good thing to ask about. I hope this helps you, and there is always more to learn."
Reply = Callable[[Any], Any]


class Judged(NamedTuple):
    good: bool
    words: int
    scores: dict[str, int]  # empty where none could be read

    @property
    def least(self) -> int:
        return min(self.scores.values())

    @property
    def mean(self) -> float:
        return sum(self.scores.values()) / len(self.scores)


def judged(case: dict[str, Any], context: Context, reply: Reply) -> Judged:
    """The scores of one case; gates are open, so that none is lost."""
    row = {"id": "case", "conversation_id": "case", "turn": 0, "context": None, **case}
    (columns,) = drive(STAGE.run([row], context), reply)
    of = context.config.of
    scores = {aspect: columns[f"{of}_judged_{aspect}"] for aspect in ASPECTS[of]}
    text = case[f"{of}_text"]
    return Judged(case["good"], len(text.split()), {name: score for name, score in scores.items() if score is not None})


def agreement(all_cases: Sequence[Judged], gate: int = 3) -> dict[str, Any]:
    """What the scores say of the cases, by what is known of them."""
    scored = [one for one in all_cases if one.scores]
    good, bad = ([one for one in scored if one.good is kind] for kind in (True, False))
    pairs = [(g.least > b.least) + 0.5 * (g.least == b.least) for g in good for b in bad]
    return {
        "cases": len(all_cases),
        "readable": _share([bool(one.scores) for one in all_cases]),
        "good_above_bad": _share(pairs),
        "bad_caught": _share([one.least < gate for one in bad]),
        "good_refused": _share([one.least < gate for one in good]),
        "mean_of_good": _share([one.mean for one in good]),
        "mean_of_bad": _share([one.mean for one in bad]),
        "length_correlation": correlation([one.words for one in scored], [one.mean for one in scored]),
    }


def padded(before: Sequence[Judged], after: Sequence[Judged]) -> dict[str, Any]:
    """What padding does to good answers: by aspect the mean change of its score, and how often the mean score rose."""
    both = [(one, other) for one, other in zip(before, after, strict=True) if one.scores and other.scores]
    aspects = both[0][0].scores if both else ()
    return {
        "cases": len(both),
        "change": {aspect: _share([b.scores[aspect] - a.scores[aspect] for a, b in both]) for aspect in aspects},
        "rose": _share([b.mean > a.mean for a, b in both]),
    }


def correlation(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's; None where one of both never changes."""
    if len(one) < 3 or len(set(one)) == 1 or len(set(other)) == 1:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 3)


def _share(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None


def balanced(cases: list[dict[str, Any]], limit: int | None) -> list[dict[str, Any]]:
    """So many cases, half of them good, drawn once and for all."""
    random.Random(0).shuffle(cases)
    if limit is None:
        return cases
    return [case for kind in (True, False) for case in [one for one in cases if one["good"] is kind][: limit // 2]]


def measure(
    of: str,
    form: str,
    cases: list[dict[str, Any]],
    reply: Reply,
    at_once: int = 1,
    attempts: int = 2,
    most_padded: int | None = None,
) -> dict[str, Any]:
    """The figures that are printed. `reply` is called by `at_once` threads."""
    prompt = ROOT / "configs" / "prompts" / f"judge_{of}{'_chat' if form == 'chat' else ''}.jinja"
    config = Config.model_validate({"of": of, "prompt": str(prompt), "format": form, "attempts": attempts})
    open_gates = {of: {f"min_{aspect}": 1 for aspect in ASPECTS[of]}}
    checks = getattr(Checks.model_validate({"judged": open_gates}), f"judged_{of}")
    context = Context(config, checks, 0, "judge")
    with ThreadPoolExecutor(at_once) as pool:

        def each(some: list[dict[str, Any]]) -> list[Judged]:
            return list(pool.map(lambda case: judged(case, context, reply), some))

        figures = {"of": of, "form": form} | agreement(scored := each(cases))
        good = [case for case in cases if case["good"]][:most_padded]
        if of == "answer" and good:
            longer = each([case | {"answer_text": f"{case['answer_text']} {PADDING}"} for case in good])
            figures["padded"] = padded([one for one in scored if one.good][: len(good)], longer)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", help="the engine as a recipe has it")
    parser.add_argument("--of", choices=("answer", "query"), default="answer")
    parser.add_argument("--form", choices=("chat", "completion"), default="chat")
    parser.add_argument("--cases", type=Path, help="JSON lines with `good`, query_text, answer_text or instruction")
    parser.add_argument("--limit", type=int, help="cases, half of them good")
    parser.add_argument("--attempts", type=int, default=2, help="replies asked for until one can be read")
    parser.add_argument("--padded", type=int, help="good answers that are judged with padding, too; default: all")
    options = parser.parse_args()
    name = {"answer": "planted_answers", "query": "planted_queries"}[options.of]
    path = options.cases or ROOT / "tests" / "data" / f"{name}.jsonl"
    cases = balanced([json.loads(line) for line in path.read_text().splitlines()], options.limit)
    settings = yaml.safe_load(options.engine)
    kind = backend(settings.pop("backend"))
    config = kind.config.model_validate(settings)
    engine = kind.load(config)
    try:
        figures = measure(
            options.of,
            options.form,
            cases,
            lambda one: engine.submit(one).result(),
            16,
            options.attempts,
            options.padded,
        )
    finally:
        engine.close()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
