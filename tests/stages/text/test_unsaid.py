"""What has no spoken form stays as it stands, so that the check for signs refuses it; prose with such signs is said."""

import pytest

from voxsmith.models.text.unsaid import unsaid
from voxsmith.stages.text.speakable import speakable
from voxsmith.stages.text.spoken import spoken


@pytest.mark.parametrize(
    "text",
    [
        "What does ^[a-z]+@[a-z]+$ match?",
        "Fish &amp; chips",
        "It costs 5 &#8364;",
        "if (a == b) { return a; }",
        "print('hello')",
        "the <td>cell</td> of a table",
        "while arr[i] < arr[j + 1]",
        "SELECT * FROM users",
        "use one of @#$%^&",
        "Solve $y = \\frac{x}{3}$",
        "donâ€™t",
    ],
)
def test_code_patterns_and_entities_are_refused(text: str) -> None:
    assert unsaid(text)[1]
    assert speakable(spoken(text), 1, 100)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("AT&T, R&D; Q&A", "A T and T, R and D; Q and A"),
        ("Print (the photo) in [square] brackets", "Print, the photo, in, square, brackets"),
        ("the value of f(x) = x^2 at x = 3", "the value of f of x equals x squared at x equals three"),
        ("Altitudes of 500-8000 feet", "Altitudes of five hundred to eight thousand feet"),
        ("so P = 4*s and E = 1/2mv", "so P equals four times s and E equals a half mv"),
        ("Wow!!! It is $5 & free***", "Wow! It is five dollars and free"),
    ],
)
def test_prose_with_signs_is_said(text: str, said: str) -> None:
    assert unsaid(text)[1] == []
    assert spoken(text) == said
