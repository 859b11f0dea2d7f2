"""Small faults of writing that corpora have all over, mended where nothing else can be meant."""

import html
import re
import unicodedata

from voxsmith.stages.text.replies import free_text

_ENTITY = re.compile(r"&(?:#\d{2,6}|#x[0-9a-f]{2,5}|[a-z]{2,8}\d?);", re.I)
_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff\x00-\x08\x0b-\x1f\x7f]")
_PIECES = re.compile(r"@@ |(?<!\S)\\[nrt](?!\S)")  # of subword units; a line's end that was written out
# TED-LIUM: "it 's"; Penn Treebank: "do n't"
_PARTED = re.compile(r"(?<=[^\W\d_]) (?=(?:['’](?:s|re|ve|ll|d|m)|n['’]t)\b)", re.I)
_ACCENT = re.compile(r"(?<=[^\W\d_])[`´](?=[^\W\d_])")  # for an apostrophe
_QUOTED = re.compile(r'"(.*"".*)"')  # a field of a table that was read as plain text
_DASHED = re.compile(r"^(?:[-–]\s+|[—―]\s*|--+\s*)(?=[^\s\d])")  # of somebody who begins to speak
_HAN = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"
_BETWEEN = re.compile(rf"(?<={_HAN}) (?={_HAN}|[，。？！、；：])|(?<=[，。？！、；：]) (?={_HAN})")
_MARKS = (('"', '"'), ("“", "”"), ("„", "“"), ("„", "”"), ("«", "»"), ("»", "«"), ("「", "」"))
_CLOSING = {opening: [b for a, b in _MARKS if a == opening and b != a] for opening, _ in _MARKS}
_OPENING = {closing: [a for a, b in _MARKS if b == closing and b != a] for _, closing in _MARKS}


def tidied(text: str, language: str = "en") -> str:
    """The text on one line with single blanks, without entities, signs that nobody sees, a dash at its start, blanks before
    signs, and quotation marks around all of it or at one end alone; in English, apostrophes stand at their words, and
    between Chinese signs there is no blank.
    """
    text = _UNSEEN.sub("", unicodedata.normalize("NFC", text))
    for _ in range(2):  # &amp;quot;
        if _ENTITY.search(text):
            text = html.unescape(text)
    text = " ".join(_PIECES.sub("", text.replace("▁", " ")).split())
    if match := _QUOTED.fullmatch(text):
        text = match[1].replace('""', '"')
    if language == "en":
        text = _PARTED.sub("", text)
    text = _ACCENT.sub("'", _BETWEEN.sub("", text))
    # French has a blank before signs of two parts.
    text = re.sub(r"\s+([,.]|…)(?=\s|$)" if language == "fr" else r"\s+([,.;:?!…])(?=\s|$)", r"\1", text)
    return _unquoted(free_text(_DASHED.sub("", text)))


def _unquoted(text: str) -> str:
    """The text without quotation marks around all of it, and without one at an end that has no other."""
    for opening, closing in _MARKS:
        inner = text[1:-1]
        if (
            len(text) > 1
            and text[0] == opening
            and text[-1] == closing
            and opening not in inner
            and closing not in inner
        ):
            return inner.strip()
    for opening, closing in _MARKS:
        if (
            text.startswith(opening)
            and text.count(opening) == 1
            and not any(sign in text for sign in _CLOSING[opening])
        ):
            return text[1:].strip()
        if text.endswith(closing) and text.count(closing) == 1 and not any(sign in text for sign in _OPENING[closing]):
            return text[:-1].strip()
    return text
