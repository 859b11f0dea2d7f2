"""What can't be said aloud is refused before any model is asked; ordinary instructions pass."""

import json

import pytest

from tests.helpers.paths import SAMPLES
from voxsmith.stages.text.material import split_context
from voxsmith.stages.text.reading import unreadable


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" ... ", "empty"),
        ("Edit this code.\nfor (i = 0; i < 10; i++) {\n    run(i);\n}", "code"),
        ("What does this do?\ndef add(a, b):\n    return a + b", "code"),
        ("Fix it: <div class='a'>hi</div>", "code"),
        ("Run SELECT name FROM users", "code"),
        ("Sum the columns.\n| a | b |\n|---|---|\n| 1 | 2 |", "table"),
        ("Rotate it.\n[[1, 2], [3, 4]]", "table"),
        (r"Simplify \frac{a}{b} for me", "formula"),
        ("Simplify x^2 + 3*x - 4 = 2*y + 3*z - 8", "formula"),
        ("Translate 他坚持不懈 into English", "script"),
        ("Переведи это предложение на английский", "script"),
        ("Describe the person in <image>", "placeholder"),
        ("Summarize notes.pdf for me", "placeholder"),
        ("Summarize https://www.example.com/2020/08/08/politics/monuments-in-the-desert.html", "url"),
        ("Tell me about " + "very " * 90 + "long things", "too_long"),
        ("a" * 10**6, "too_long"),  # a pattern that looked through it would take hours
        ("Solve 8*6....194 .2.3578... .9.8.....6 7..954.... .45.1..793", "garbled"),
        ("Say xkcdqrtz bcdfghjk wrtpsdfg plmkjhgf", "garbled"),
        ("What is the value of π?", None),
        ("Write a C++ program to find the largest of five numbers.", None),
        ("What is 6 + 3?", None),
        ("Convert 25°C to °F.", None),
        ("Rank these: [bicycle, scooter, car, jet]", None),
        ("Explain what an if statement does in Python.", None),
        ("Can you find a synonym for 'select' from this list?", None),
    ],
)
def test_what_is_refused(text: str, reason: str | None) -> None:
    fault = unreadable(text, "", max_words=80)
    assert (fault.reason if fault else None) == reason


def test_a_script_is_accepted_where_the_recipe_says_so() -> None:
    assert unreadable("Переведи это предложение", "", scripts=("Latin", "Cyrillic")) is None


def test_ordinary_rows_pass() -> None:
    rows = json.loads((SAMPLES / "alpaca_sample.json").read_text())
    assert [fault for row in rows if (fault := unreadable(*split_context(row["instruction"], row["input"])))] == []


@pytest.mark.parametrize(
    ("instruction", "context", "expected"),
    [
        ("Sort these.\nb, a", "b, a", ("Sort these.", "b, a")),
        ("Name a song.\nnoinput", "noinput", ("Name a song.", "")),
        ("Name a song.\n<no input>", "<no input>", ("Name a song.", "")),
        ("Edit: The cat sat.\nThe cat sat.", "The cat sat.", ("Edit: The cat sat.", "")),
        ("Is this true?\n\nBirds fly backwards", None, ("Is this true?", "Birds fly backwards")),
        ('Edit this sentence: "He go home."', None, ("Edit this sentence", '"He go home."')),
        ("Who won it?\nGenerate according to: Ann won the race.", None, ("Who won it?", "Ann won the race.")),
        ("Given the text: Ann won.\nWho won it?", None, ("Who won it?", "Ann won.")),
        ("Read the passage below and answer the question or follow the instruction: Who won it?\n\nPassage: Ann won.",
         None, ("Who won it?", "Ann won.")),
        ("Describe a tree.\nInclude its roots.", None, ("Describe a tree.\nInclude its roots.", "")),
        ("What is a tree?", None, ("What is a tree?", "")),
    ],
)  # fmt: skip
def test_task_and_material_are_told_apart(instruction: str, context: str | None, expected: tuple[str, str]) -> None:
    assert split_context(instruction, context) == expected
