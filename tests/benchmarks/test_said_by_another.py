import json
from pathlib import Path

from benchmarks.said_by_another import compared, difference, strings

TEXTS = ["It is 5°C. It rains.", "Trust - 10 points", "It is 5°C."]


def test_every_string_of_a_file_is_read(tmp_path: Path) -> None:
    lines = tmp_path / "rows.jsonl"
    lines.write_text('{"a": ["one", {"b": "two"}]}\nno JSON\n')
    whole = tmp_path / "rows.json"
    whole.write_text(json.dumps([{"a": "one"}, "two"]))
    assert [text.strip() for text in strings(lines)] == ["one", "two", "no JSON"]
    assert list(strings(whole)) == ["one", "two"]


def test_a_sentence_is_said_once_and_both_sayings_are_shown() -> None:
    lines = list(
        compared(iter(TEXTS), 1.0, lambda text: "It is minus five degrees Celsius" if "5°C" in text else "ten")
    )
    assert [line and line["differs"] for line in lines] == ["minus", None]
    assert list(compared(iter(TEXTS), 0.0, lambda text: "minus six")) == [None, None]


def test_numbers_on_both_sides_and_signs_on_one() -> None:
    assert difference("five to six kilograms", "five-six kilograms") == ""
    assert difference("five six", "five to seven percent") == "percent, seven, six, to"
    assert difference("minus ten points", "ten points") == "minus"
