"""`translate` with replies given by hand, into languages that are told apart by words or by letters."""

import json
from typing import Any

import pytest

from tests.helpers.paths import DATA, ROOT
from tests.helpers.talk import unasked, with_replies
from voxsmith.schemas import tasks
from voxsmith.schemas.checks import TranslationText
from voxsmith.schemas.columns import COLUMNS
from voxsmith.schemas.languages import LANGUAGES
from voxsmith.stages.context import Context, Reject
from voxsmith.stages.text.identify import another_language
from voxsmith.stages.translate import STAGE, Config

STORE = "Ask her to bring these things with her from the store."
IN = {
    "de": "Bitte sie, diese Sachen aus dem Laden mitzubringen.",
    "fr": "Demande-lui d'apporter ces choses du magasin.",
    "it": "Chiedile di portare queste cose dal negozio.",
    "pt": "Peça-lhe que traga estas coisas da loja.",
    "hi": "उससे कहो कि वह ये चीज़ें दुकान से अपने साथ ले आए।",
    "es": "Pídele que traiga estas cosas de la tienda.",
    "th": "ขอให้เธอนำสิ่งของเหล่านี้มาจากร้านด้วย",
}


def context(to: str, form: str = "chat", **more: Any) -> Context:
    prompt = str(ROOT / f"configs/prompts/{'translate' if form == 'completion' else 'translate_chat'}.jinja")
    return Context(Config(prompt=prompt, to=to, format=form, **more), TranslationText(), 7, "translate")


def given(
    settings: Context, *replies: str, transcript: str = STORE, finish: str = "stop", **row: Any
) -> tuple[Any, list[Any]]:
    return with_replies(STAGE.run({"id": "r1", "transcript": transcript, **row}, settings), *replies, finish=finish)


@pytest.mark.parametrize("to", IN)
def test_a_translation_is_asked_for_as_the_trainer_asks_and_taken(to: str) -> None:
    written, asked = given(context(to), IN[to])
    assert written == {f"translation_{to}": IN[to]} and f"translation_{to}" in COLUMNS
    assert asked[0].messages == (("user", tasks.task("translate", "row", to).request.replace(tasks.MARKER, STORE)),)
    assert asked[0].temperature == 0


@pytest.mark.parametrize("to", IN)
@pytest.mark.parametrize("other", ["en", *IN])
def test_another_language_is_told(to: str, other: str) -> None:
    text = IN.get(other, STORE)
    fault = another_language(text, to)
    assert (fault is None) == (to == other)
    assert fault is None or (fault.reason == "language" and LANGUAGES[to] in fault.message)


@pytest.mark.parametrize(
    "reply",
    [
        f"Here is the translation into German:\n\n{IN['de']}",
        f'The German translation is: "{IN["de"]}"',
        f"Translation: {IN['de']}",
        f"German: {IN['de']}",
        f"{IN['de']}\n\n(Note: 'Sachen' may also be 'Dinge'.)",
    ],
)
def test_words_around_a_translation_go(reply: str) -> None:
    assert given(context("de"), reply)[0] == {"translation_de": IN["de"]}


@pytest.mark.parametrize(
    ("reply", "finish", "reason"),
    [
        ("", "stop", "empty"),
        (STORE, "stop", "echo"),
        (IN["fr"], "stop", "language"),
        ("I'm sorry, I can't help with that.", "stop", "refusal"),
        ("Die Übersetzung: translated into German it says to bring Sachen.", "stop", "about_task"),
        ("Bitte sie, diese Sachen aus", "length", "cut"),
        ("Ja.", "stop", "length"),
        (f"{IN['de']} Dann geht er in den Park, wo er seine Freunde trifft, die ihm von der Reise erzählen, auf der sie "
         "so viel gesehen haben, dass sie kaum wissen, womit sie anfangen sollen.", "stop", "length"),
    ],
)  # fmt: skip
def test_what_is_no_translation_is_tried_again_then_rejected(reply: str, finish: str, reason: str) -> None:
    with pytest.raises(Reject) as reject:
        given(context("de", attempts=1), reply, finish=finish)
    assert reject.value.reason == reason
    if finish == "stop":
        assert given(context("de"), reply, IN["de"])[0] == {"translation_de": IN["de"]}


def test_planted_translations_are_told_apart() -> None:
    wrong: dict[bool, list[str]] = {True: [], False: []}
    rows = [json.loads(line) for line in (DATA / "planted_translations.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        try:
            given(context(row["to"], attempts=1), row["reply"], transcript=row["text"], language=row["language"])
        except Reject as reject:
            if row.get("kind") != reject.reason:
                wrong[True].append(f"{reject.reason} {reject.message}: {row['reply']!r}")
        else:
            if not row["good"]:
                wrong[False].append(row["reply"])
    good, bad = sum(row["good"] for row in rows), sum(not row["good"] for row in rows)
    assert min(good, bad) >= 24 and len(wrong[False]) <= 0.05 * bad and not wrong[True], wrong


@pytest.mark.parametrize(
    ("text", "to", "translation", "fine"),
    [
        ("It costs 1,500,000 dollars.", "de", "Es kostet 1.500.000 Dollar.", True),
        ("It costs 1.5 million dollars.", "zh", "它的价格是150万美元。", True),
        ("It costs 1.5 million dollars.", "de", "Es kostet 2,5 Millionen Dollar.", False),
        ("We meet at 5 pm in room 12.", "de", "Wir treffen uns um 17 Uhr in Raum 12.", True),
        ("We meet at 5 pm in room 12.", "de", "Wir treffen uns um 17 Uhr in Raum 13.", False),
        ("There are 3 apples on the table.", "fr", "Il y a 4 pommes sur la table.", False),
        ("There are 3 apples on the table.", "fr", "Il y a trois pommes sur la table.", True),
        ("Drei Häuser haben 15 Türen.", "en", "3 houses have 15 doors.", True),
        ("The nineteen twenties were loud.", "de", "Die 1920er Jahre waren laut.", True),
        ("Chapter forty two begins here.", "es", "Aquí empieza el capítulo 24.", False),
    ],
)
def test_numbers_stay_the_text_s(text: str, to: str, translation: str, fine: bool) -> None:
    if fine:
        assert given(
            context(to, attempts=1), translation, transcript=text, language="de" if text.startswith("Drei") else "en"
        )[0]
        return
    with pytest.raises(Reject) as reject:
        given(context(to, attempts=1), translation, transcript=text)
    assert reject.value.reason == "number"


def test_what_is_in_the_language_already_stays() -> None:
    talk = STAGE.run({"id": "r1", "transcript": IN["de"], "language": "de-AT"}, context("de"))
    with pytest.raises(StopIteration) as end:
        unasked(next(talk))
    assert end.value.value == {"translation_de": IN["de"]}


def test_names_and_numbers_alone_may_stay() -> None:
    assert given(context("de"), "Jane Austen", transcript="Jane Austen")[0] == {"translation_de": "Jane Austen"}


def test_a_language_that_has_no_column_is_one_line() -> None:
    with pytest.raises(ValueError, match="no language 'ge'; there is ar, ca, cs, da, de, el, en"):
        Config(prompt=str(ROOT / "configs/prompts/translate.jinja"), to="ge")


def test_a_name_of_a_language_is_answered_by_its_code() -> None:
    with pytest.raises(ValueError, match="'German' is a language's name, and its code is wanted: say de"):
        context("German")
    with pytest.raises(ValueError, match="'English' is a language's name, and its code is wanted: say en"):
        context("de", language="English")
    with pytest.raises(ValueError, match="'in German' is no code of a language"):
        context("de", language="in German")
    assert context("de", language="en-GB").config.language == "en-GB"


def test_each_language_that_the_trainer_asks_for_can_be_written() -> None:
    assert len(LANGUAGES) == 25
    for to in LANGUAGES:
        assert tasks.task("translate", "row", to).answer in STAGE.writes(context(to).config)
        assert f"translation_{to}" in COLUMNS


def test_the_text_of_another_group_is_translated_and_its_own_language_counts() -> None:
    query = with_replies(STAGE.run({"id": "r1", "query_text": STORE}, context("de", of="query")), IN["de"])
    assert query == given(context("de"), IN["de"]), "the same request, whatever the group"
    back = context("en", of="translation_de")
    assert STAGE.reads(back.config) == ("translation_de",) and STAGE.optional(back.config) == ()
    assert back.config.language == "de"
    assert with_replies(STAGE.run({"id": "r1", "translation_de": IN["de"]}, back), STORE)[0] == {
        "translation_en": STORE
    }


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ("translation_de", "translation_de is in German already"),
        ("augmented", "'augmented' won't do: an augmented clip says what the clip says that it is made of"),
        ("translation_xx", "no group 'translation_xx'; did you mean"),
        ("nobody", r"no group 'nobody'; there is query, answer, continuation, row or translation_TO \(de, say\)"),
    ],
)
def test_a_group_that_won_t_do_is_one_line(of: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        context("de", of=of)


# Article 1 of the Universal Declaration of Human Rights, as the United Nations publish it.
FREE = {
    "en": "All human beings are born free and equal in dignity and rights. They are endowed with reason and conscience and "
    "should act towards one another in a spirit of brotherhood.",
    "zh": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "ja": "すべての人間は、生れながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、"
    "互いに同胞の精神をもって行動しなければならない。",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и совестью и должны "
    "поступать в отношении друг друга в духе братства.",
}


@pytest.mark.parametrize("to", ["zh", "ja", "ru"])
def test_scripts_of_few_characters_are_long_enough_and_long_ones_short_enough(to: str) -> None:
    assert given(context(to), FREE[to], transcript=FREE["en"])[0] == {f"translation_{to}": FREE[to]}
    back = given(context("en", language=to), FREE["en"], transcript=FREE[to])
    assert back[0] == {"translation_en": FREE["en"]}
    with pytest.raises(Reject, match="characters for"):
        given(context(to, attempts=1), FREE[to][: len(FREE[to]) // 4], transcript=FREE["en"])
