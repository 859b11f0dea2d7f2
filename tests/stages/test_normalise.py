import pytest

from voxsmith.stages.context import Context, Reject
from voxsmith.stages.normalise import STAGE, Config


def said(text: str, of: str = "answer") -> str:
    asking = STAGE.run({"id": "r", f"{of}_text": text}, Context(Config(of=of)))
    with pytest.raises(StopIteration) as end:
        next(asking)
    return end.value.value[f"{of}_spoken"]


def test_numbers_titles_and_acronyms_are_written_out() -> None:
    assert said("Dr. Lee paid $5 to the FBI.") == "Doctor Lee paid five dollars to the F B I."
    assert said("Can you name 3 fruits?", "query") == "Can you name three fruits?"


@pytest.mark.parametrize("text", ["", "...", "😀 !!", "()"])
def test_nothing_to_say_is_a_reject(text: str) -> None:
    with pytest.raises(Reject) as reject:
        said(text)
    assert reject.value.reason == "unspeakable"


def test_columns_follow_from_the_side() -> None:
    config = Config(of="query")
    assert (STAGE.reads(config), STAGE.writes(config)) == (("query_text",), ("query_spoken",))
    assert STAGE.engine is None


@pytest.mark.parametrize(
    ("row", "settings", "spoken"),
    [
        ({"language": "de"}, {"of": "row"}, "Er zahlte 12 Euro, 5 % mehr."),
        ({"language": "en-GB"}, {"of": "row"}, "Er zahlte twelve Euro, five percent more."),
        ({}, {"of": "row"}, "Er zahlte twelve Euro, five percent more."),
        ({"language": None}, {"of": "row", "language": "de"}, "Er zahlte 12 Euro, 5 % mehr."),
        ({}, {"of": "translation_de"}, "Er zahlte 12 Euro, 5 % mehr."),
    ],
)
def test_only_english_is_written_out_in_english(row: dict[str, str], settings: dict[str, str], spoken: str) -> None:
    config = Config(**settings)
    text = spoken.replace("twelve", "12").replace("five percent", "5%")
    (read,) = STAGE.reads(config)
    with pytest.raises(StopIteration) as end:
        next(STAGE.run({"id": "r", read: f"**{text}**\n", **row}, Context(config)))
    assert list(end.value.value.values()) == [spoken]
    assert STAGE.optional(config) == (() if settings["of"] == "translation_de" else ("language",))


def test_what_would_be_said_otherwise_is_a_reject(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxsmith.stages.normalise.spoken", lambda text: "It was five degrees Celsius.")
    with pytest.raises(Reject) as reject:
        said("It was -5°C.")
    assert (reject.value.reason, reject.value.message) == ("said_otherwise", "a minus isn't said")
