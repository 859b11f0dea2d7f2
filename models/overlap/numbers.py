"""Numbers in one form, however they are written: "twenty-five" and "25", "nineteen ninety-eight" and "1998"."""

from collections.abc import Iterator

_DIGITS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen
"""
_SMALL = {word: number for number, word in enumerate(_DIGITS.split())}
_DECADES = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = {word: 10 * number for number, word in enumerate(_DECADES.split(), 2)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fifth": 5, "eighth": 8, "ninth": 9, "twelfth": 12} | {
    f"{word}th": number for word, number in _SMALL.items() if number not in (0, 1, 2, 3, 5, 8, 9, 12)
} | {f"{word[:-1]}ieth": number for word, number in _TENS.items()}  # fmt: skip
_CARDINALS = _SMALL | _TENS
NUMBER_WORDS = frozenset((*_CARDINALS, *_SCALES, *_ORDINALS, "hundred"))


def with_numbers(words: list[str]) -> list[str]:
    """The words, runs of number words among them as digits: "three" is "3", "twenty first" is "21st", "one hundred and five"
    is "105". Years come out as years, and numbers that are only listed stay apart.
    """
    if NUMBER_WORDS.isdisjoint(words):
        return words
    return list(_merged(words))


def _merged(words: list[str]) -> Iterator[str]:
    place = 0
    while place < len(words):
        if words[place] not in NUMBER_WORDS and not (
            words[place].isdecimal() and words[place + 1 : place + 2] and words[place + 1] in _SCALES
        ):
            yield words[place]
            place += 1
            continue
        number, place, ordinal = _number(words, place)
        yield f"{number}{_ending(number)}" if ordinal else str(number)


def _number(words: list[str], place: int) -> tuple[int, int, bool]:
    """(the number that begins there, the place behind it, whether it is an ordinal)."""
    total = group = 0
    last = 0  # the value of the word before: what may follow is smaller
    start = place
    while place < len(words):
        word = words[place]
        if (
            word == "and"
            and place > start
            and last >= 100
            and words[place + 1 : place + 2]
            and _counts(words[place + 1])
        ):
            place += 1
            continue
        if word in _ORDINALS:
            value = _ORDINALS[word]
            if place == start or last >= 100 or (20 <= last < 100 and last % 10 == 0 and value < 10):
                return total + group + value, place + 1, True
            break
        if word == "hundred":
            if place > start and last >= 100:
                break
            group = (group or 1) * 100
            last = 100
        elif word in _SCALES:
            total += (group or 1) * _SCALES[word]
            group, last = 0, _SCALES[word]
        else:
            value = _CARDINALS.get(word, -1)
            if value < 0 and word.isdecimal() and len(word) < 13 and place == start:
                value = int(word)
            if value < 0:
                break
            if place == start or last >= 100 or (20 <= last < 100 and last % 10 == 0 and 0 < value < 10):
                group += value
            elif 10 <= group < 100 and total == 0 and 10 <= value < 100:  # a year in two halves
                group = group * 100 + value
            else:
                break
            last = value if value < 100 else 99
        place += 1
    return total + group, place, False


def _counts(word: str) -> bool:
    return word in _CARDINALS or word in _ORDINALS


def _ending(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
