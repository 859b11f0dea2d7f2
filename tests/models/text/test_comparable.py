"""What was said against what recognisers write for it: nothing that is right is an error, nothing wrong is hidden."""

import json
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.helpers.paths import DATA
from voxsmith.models.text.changed_words import changed_words
from voxsmith.models.text.comparable import comparable
from voxsmith.models.text.wer import compared, error_rates, lost_and_added
from voxsmith.schemas.checks import ClipChecks
from voxsmith.stages.verdict import clip_fault

PLANTED = [json.loads(line) for line in (DATA / "planted_heard.jsonl").read_text().splitlines()]
AROUND = "Here is what I wanted to tell you about it: {} That is all for today, I think."
NUMBERS = st.one_of(st.integers(0, 120), st.integers(0, 9999), st.integers(0, 10**12 - 1))


SMALL = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
ONES = SMALL.split()
ROUND = "zero ten twenty thirty forty fifty sixty seventy eighty ninety"
TENS = ROUND.split()
NTH = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}


def words_of(number: int) -> str:
    """British, as a schoolbook has it: groups of three digits, each with its name."""
    groups = [int(group) for group in f"{number:,}".split(",")]
    named = [f"{small(group)} {name}".strip() for group, name in
             zip(groups, ["billion", "million", "thousand", ""][-len(groups) :], strict=True) if group] or ["zero"]  # fmt: skip
    if len(named) > 1 and 0 < groups[-1] < 100:
        named[-1] = f"and {named[-1]}"
    return " ".join(named)


def small(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    tens = ONES[rest] if rest < 20 else TENS[rest // 10] + (f" {ONES[rest % 10]}" if rest % 10 else "")
    parts = ([f"{ONES[hundreds]} hundred"] if hundreds else []) + ([tens] if rest else [])
    return " and ".join(parts)


def ordinal_words(number: int) -> str:
    head, _, last = words_of(number).rpartition(" ")
    last = NTH.get(last) or ("twelfth" if last == "twelve" else f"{last[:-1]}ieth" if last[-1] == "y" else f"{last}th")
    return f"{head} {last}".strip()


def year_words(year: int) -> str:
    century, rest = divmod(year, 100)
    if not rest or 2000 <= year < 2010:
        return words_of(year) if year % 1000 < 10 else f"{small(century)} hundred"
    return f"{small(century)} {small(rest) if rest > 9 else f'oh {ONES[rest]}'}"


def fault(said: str, heard: str) -> bool:
    """Whether the clip would be refused for its words."""
    wer, cer = error_rates(said, heard)
    good = {"mos": None, "duration": len(said) / 15 + 0.5, "silence": 0.0, "clipping": 0.0, "tail": -60.0}
    checks = ClipChecks(min_letters_per_second=1, max_letters_per_second=100)
    return clip_fault({"heard": heard, "wer": wer, "cer": cer, **good}, said, checks) is not None


def ended(text: str) -> str:
    return text if text[-1] in ".?!" else f"{text}."


def test_usual_transcripts_of_what_was_said_pass() -> None:
    good = [one for one in PLANTED if one["good"]]
    alone = [one for one in good if fault(one["text"], one["heard"])]
    within = [one for one in good if fault(AROUND.format(ended(one["text"])), AROUND.format(ended(one["heard"])))]
    unequal = [one for one in good if compared(one["text"], one["heard"]).wrong_words]
    print(
        f"usual transcripts: {len(good)}, refused alone {len(alone)}, in a sentence {len(within)}, not equal {len(unequal)}"
    )
    assert len(good) >= 120
    assert len(alone) <= 0.03 * len(good) and len(within) <= 0.03 * len(good), (alone, within)
    assert len(unequal) <= 0.03 * len(good), unequal


def test_real_errors_are_errors() -> None:
    wrong = [one for one in PLANTED if not one["good"]]
    unseen = [one for one in wrong if not compared(one["text"], one["heard"]).wrong_words]
    passed = Counter(one["kind"] for one in wrong if not fault(one["text"], one["heard"]))
    print(f"real errors: {len(wrong)}, without a wrong word {len(unseen)}, not refused alone: {dict(passed)}")
    within = [one for one in wrong if fault(AROUND.format(ended(one["text"])), AROUND.format(ended(one["heard"])))]
    print(f"refused within a sentence: {len(within)}")
    assert len(wrong) >= 60 and not unseen, unseen
    assert len(within) >= 0.6 * len(wrong)
    assert passed.total() <= 0.2 * len(wrong)  # a name of which a letter differs is within every limit


@settings(deadline=None, max_examples=150)
@given(NUMBERS)
def test_a_number_in_words_is_its_digits(number: int) -> None:
    for written in (str(number), f"{number:,}"):
        for said in (words_of(number), words_of(number).replace(" and ", " ")):
            assert not compared(said, written).wrong_words
            assert not compared(written, said).wrong_words
    assert not compared(ordinal_words(number), ordinal(number)).wrong_words
    assert not compared(" ".join(words_of(int(digit)) for digit in str(number)), str(number)).wrong_words


@settings(deadline=None)
@given(st.integers(1000, 2099))
def test_a_year_in_words_is_its_digits(year: int) -> None:
    assert not compared(f"It was {year_words(year)}.", f"It was {year}.").wrong_words


@settings(deadline=None, max_examples=300)
@given(NUMBERS, NUMBERS)
def test_another_number_is_an_error(number: int, other: int) -> None:
    if number != other:
        for said in (words_of(number), ordinal_words(number), str(number)):
            for heard in (str(other), words_of(other)):
                assert compared(f"we have {said} here", f"we have {heard} here").wrong_words


@pytest.mark.parametrize("number", range(0, 1000, 7))
def test_no_digits_have_another_number_s_name(number: int) -> None:
    """A digit too many, too few, or two that are swapped."""
    digits, said = str(number), words_of(number)
    others = {digits[:at] + new + digits[at:] for at in range(len(digits) + 1) for new in "0123456789"}
    others |= {digits[:at] + digits[at + 1 :] for at in range(len(digits))} | {digits[::-1]}
    for other in others - {digits, ""}:
        if int(other) != number:
            assert compared(said, other).wrong_words, (said, other)


@settings(deadline=None)
@given(st.lists(st.integers(0, 99), min_size=3, max_size=8), st.data())
def test_of_a_list_of_numbers_each_counts(numbers: list[int], data: st.DataObject) -> None:
    said = ", ".join(words_of(number) for number in numbers[:-1]) + f" and {words_of(numbers[-1])}"
    heard = ", ".join(map(str, numbers[:-1]))
    assert not compared(f"Add {said}.", f"Add {heard}, and {numbers[-1]}.").wrong_words
    place = data.draw(st.integers(0, len(numbers) - 2))
    dropped = ", ".join(map(str, [*numbers[:place], *numbers[place + 1 : -1]]))
    assert compared(f"Add {said}.", f"Add {dropped}, and {numbers[-1]}.").wrong_words


SIGNS = st.text("[]()<>{}0123456789 .,'-/:$£%#@&abIVXx½²°omk\n\"+=^_’é日", max_size=20)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), SIGNS), st.one_of(st.text(max_size=60), SIGNS))
@example(".9½", "1/0")
def test_any_two_texts_can_be_compared(said: str, heard: str) -> None:
    words, others = comparable(said, heard)
    assert all(words) and all(others)
    assert len(set(map(tuple, comparable(said, said)))) == 1


@pytest.mark.parametrize(
    ("said", "heard", "wrong"),
    [
        ("the twenty five of us", "the 205 of us", 2),  # two oh five
        ("three thousand five", "305", 1),
        ("minus five degrees", "5 degrees", 1),
        ("I can do it", "I can't do it", 1),
        ("between one hundred and two hundred", "between 100, 200", 1),
        ("Ten dollars and five cents", "$10.50", 1),
        ("Maybe five people", "Maybe 5 people", 0),
        ("ten marbles", "10 Marbles", 0),
        ("He came first.", "He came 2nd.", 1),
        ("[Music] Hello there.", "Hello there.", 1),  # in brackets of what should be said, words are words
        ("Hello there.", "[Music] Hello there. (laughs)", 0),
        ("Hey, come here.", "Come here.", 0),
        ("Come here.", "Hey, come here.", 1),
    ],
)
def test_words_that_are_wrong(said: str, heard: str, wrong: int) -> None:
    assert compared(said, heard).wrong_words == wrong


def test_a_stretch_too_long_to_be_read_anew_is_compared_as_it_is() -> None:
    said, heard = " ".join(["cat", "dog", "two thousand five"] * 100), " ".join(["2005", "bird", "fish"] * 100)
    assert compared(said, heard).wer > 0.4
    assert lost_and_added(said, said) == (0, 0)


@pytest.mark.parametrize(
    ("said", "heard", "what"),
    [
        ("Wait fifteen minutes, please.", "Wait 50 minutes, please.", "'fifteen' as 'fifty'"),
        ("Add one, three, five and nine.", "Add 1, 3, and 9.", "'five' not at all"),
        ("Please do not open that door tonight.", "Please do open that door tonight.", "'not' not at all"),
        ("You can't park in this street.", "You can park in this street.", "'not' not at all"),
        ("You can park in this street.", "You can't park in this street.", "'not' where nothing is written"),
        ("Give it to two people.", "Give it to to people.", ""),
        ("Did Knut have rivals?", "Did not have rivals?", ""),
        ("the Noh theatre of Japan", "the no theater of Japan", ""),
        ("We met in two thousand and five.", "We met in 2005.", ""),
    ],
)
def test_a_number_or_a_negation_that_changed_is_a_fault_of_any_text(said: str, heard: str, what: str) -> None:
    assert changed_words(said, heard) == changed_words(AROUND.format(said), AROUND.format(heard)) == what
    assert fault(AROUND.format(said), AROUND.format(heard)) == bool(what)


def ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"
