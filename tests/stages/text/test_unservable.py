"""Planted cases: requests that no voice could serve, and others that look like them."""

import json
from collections import Counter

from tests.helpers.paths import DATA
from voxsmith.stages.text.material import split_context
from voxsmith.stages.text.unservable import unservable

CASES = [json.loads(line) for line in (DATA / "planted_unservable.jsonl").open(encoding="utf-8")]


def test_what_no_voice_can_serve_is_known_and_what_looks_like_it_goes_on() -> None:
    cases: Counter[str | None] = Counter()
    wrong: Counter[str | None] = Counter()
    for case in CASES:
        fault = unservable(*split_context(case["instruction"], case["context"]))
        cases[case["reason"]] += 1
        if (fault.reason if fault else None) != case["reason"]:
            wrong[case["reason"]] += 1
            print(case["instruction"], fault)
    print({reason: f"{wrong[reason]} of {count} wrong" for reason, count in cases.items()})
    assert cases[None] >= 50 and cases["missing_input"] >= 30 and cases["sight"] >= 25
    assert all(wrong[reason] <= 0.1 * count for reason, count in cases.items())
