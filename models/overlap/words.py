"""A request as the words that name it: however it is written, asked by a voice, or heard.

Case, punctuation, marks and the politeness around a request are left out, and numbers have one form, for an evaluation
set writes "5" where a query says "five" and ASR may write either.
"""

import re
import unicodedata

from voxsmith.models.overlap.numbers import with_numbers

# What people put around a request, and our own rewriting does too, as words. It is stripped from both ends, never inside.
_ASKING = r"(?=(?:what|who|whom|whose|where|when|why|which|how|if|whether)\b)"
_OPENERS = re.compile(
    r"(?:(?:hey|hi|hello|okay|ok|well|um|uh|hmm|please|kindly|so|there|and|now|if you could|maybe) "
    r"|(?:can|could|would|will) you |i (?:would like|want|need) (?:you )?to |i (?:am|was) (?:just )?wondering (?:if |whether )?"
    rf"|(?:help me |do you |i (?:would like|want|need) to |you )?(?:know|tell me|explain to me|say) {_ASKING})+"
)
_CLOSERS = re.compile(r"(?: (?:please|kindly|thanks|thank you|for me|if you (?:can|could|would)))+$")
_SIGNS = {"%": " percent ", "&": " and ", "$": " dollars ", "£": " pounds ", "€": " euros ", "°": " degrees ", "+": " plus ",
          "=": " equals ", "×": " times ", "÷": " divided by ", "<": " less than ", ">": " greater than "}  # fmt: skip
_SIGN = re.compile(f"[{''.join(re.escape(sign) for sign in _SIGNS)}]")
_MONEY = re.compile(r"([$£€])\s?(\d[\d,.]*\d|\d)(\s(?:thousand|million|billion|trillion)\b)?")
_SHORT = {"won't": "will not", "can't": "can not", "cannot": "can not", "let's": "let us"}
_CONTRACTED = (
    (re.compile(r"\b(?:won't|can't|cannot|let's)\b"), lambda match: _SHORT[match[0]]),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(what|who|where|when|how|why|it|that|there|here|he|she)'s\b"), r"\1 is"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'d\b"), " would"),
)
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}\b)")
_MINUS = re.compile(r"(?<![\w.)])[-\u2212](?=\.?\d)")
# A letter of a script without spaces is a word. Decimals are one: 2.5 is not 2 and 5.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|\d+(?:[.:]\d+)+|(?:(?![\u3040-\u30ff\u3400-\u9fff])[^\W_])+")
_MARK = re.compile(r"[\u0300-\u036f]")


def words_of(text: str) -> list[str]:
    """The text's words in lower case, without punctuation and accents, numbers in digits, signs and contractions in words."""
    text = text.casefold()
    if not text.isascii():
        text = _MARK.sub("", unicodedata.normalize("NFKD", text)).replace("\u2019", "'").replace("\u2018", "'")
    if "'" in text or "cannot" in text:
        for pattern, words in _CONTRACTED:
            text = pattern.sub(words, text)
        text = text.replace("'", "")
    text = _GROUPED.sub("", _DOTTED.sub(lambda match: match[0].replace(".", ""), text))
    text = _MONEY.sub(lambda match: f" {match[2]}{match[3] or ''}{_SIGNS[match[1]]}", text)
    text = _SIGN.sub(lambda match: _SIGNS[match[0]], _MINUS.sub(" minus ", text))
    return with_numbers(_WORD.findall(text))


def core_of(words: list[str]) -> list[str]:
    """The words without the politeness at both ends: "could you please tell me what is entropy" is "what is entropy".

    Where nothing else is there, all of them.
    """
    text = " ".join(words)
    start = match.end() if (match := _OPENERS.match(text)) else 0
    core = _CLOSERS.sub("", text[start:])
    return core.split() or words
