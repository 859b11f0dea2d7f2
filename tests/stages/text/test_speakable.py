import pytest

from voxsmith.stages.text.speakable import speakable


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Can you tell me about the weather in Paris?", None),
        ("Um, what's the difference between NASA and the X-ray lab's work: is it big?", None),
        ("I'd like a café review, naïve as it is.", None),
        ("Tell me about **bold** words", "markup"),
        ("It is a " + "ha" * 30 + " of a joke", "endless"),
        ("Spell pneumonoultramicroscopicsilicovolcanoconiosis for me", None),
        ("# A heading to read", "markup"),
        ("- a list item here", "list"),
        ("1. a list item here", "list"),
        ("go to www.example.com now please", "url"),
        ("write to me@example.org now please", "url"),
        ("one line\nand another line", "newline"),
        ("give me 5 ideas please", "digits"),
        ("add ½ cup of sugar", "digits"),
        ("plants take in CO₂", "digits"),
        ("sort these [red, blue] words", "brackets"),
        ("read this (aside) to me", "brackets"),
        ("what is black & white", "symbols"),
        ("what is one + one", "symbols"),
        ("half a/b of the price", "symbols"),
        ("tell me a joke 😀 please", "emoji"),
        ("PLEASE TELL ME NOW HOW it works", "capitals"),
        ("hello there", "too_short"),
        ("word " * 21, "too_long"),
        ("", "too_short"),
        ("...", "too_short"),
    ],
)
def test_what_a_voice_can_say(text: str, reason: str | None) -> None:
    fault = speakable(text, 3, 20)
    assert (fault.reason if fault else None) == reason
