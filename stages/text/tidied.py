"""Small faults of writing that corpora have all over, mended where nothing else can be meant."""

import html
import re
import unicodedata

from voxsmith.stages.text.replies import free_text

_ENTITY = re.compile(r"&(?:#\d{2,5}|#x[0-9a-f]{2,5}|amp|quot|apos|lt|gt|nbsp);", re.I)
_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060\ufeff\x00-\x08\x0b-\x1f\x7f]")
# TED-LIUM: "it 's"; Penn Treebank: "do n't"
_PARTED = re.compile(r"(?<=[^\W\d_]) (?=(?:['’](?:s|re|ve|ll|d|m)|n['’]t)\b)", re.I)
_QUOTED = re.compile(r'"(.*"".*)"')  # a field of a table that was read as plain text


def tidied(text: str, language: str = "en") -> str:
    """The text on one line with single blanks, without entities, signs that nobody sees, and quotation marks around all
    of it or at one end alone; in English, apostrophes stand at their words.
    """
    text = _UNSEEN.sub("", unicodedata.normalize("NFC", text))
    if _ENTITY.search(text):
        text = html.unescape(text)
    text = " ".join(text.split())
    if match := _QUOTED.fullmatch(text):
        text = match[1].replace('""', '"')
    if language == "en":
        text = _PARTED.sub("", text)
    text = free_text(text)
    if text.count('"') == 1 and (text.startswith('"') or text.endswith('"')):
        text = text.strip('"').strip()
    return text
