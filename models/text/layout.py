"""Text that is laid out for the eye, as running text: lists, headings, quotes, brackets, dashes, emphasis, emoji."""

import re
import unicodedata

from voxsmith.models.text.figures import plain_figures
from voxsmith.models.text.symbols import CURRENCIES

_ITEM = re.compile(r"^\s*(?:(?P<number>\d{1,2})[.)]|(?P<letter>[A-Ha-h])[.)]|[-*•·–—+])\s+(?P<text>.*)$")
_NAMES = {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "´": "'", "`": "'",
          "\u00a0": " ", "\u200b": "", "\ufeff": "", "\u00ad": "", "‐": "-", "‑": "-",
          "−": "-", "…": "..."}  # fmt: skip
_PRICE = re.compile(r"[$€£¥₹]\s?[\d.,]+(?: ?(?:thousand|[mbt]r?illion)| ?[kKmMbB]n?)?$")


def flatten(text: str) -> str:
    """The text on one line: an end of line becomes a pause, a list one sentence, marks that aren't said go."""
    text = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else _NAMES.get(char, char) for char in text)
    text = plain_figures(text)
    text = re.sub(r"(?<=\w)\*\*(?=\d)", "^", text)
    text = re.sub(r"```[a-z]*|`|~~|\*\*|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)|(?m:^\s*#{1,6}\s)|<br ?/?>", " ", text)
    text = re.sub(r"\[([^\]]*)\]\(([^)\s]*)\)", r"\1", text)  # a link's text
    text = _join_lines(text)
    text = re.sub(r"(?<!\w)\(?(\d{1,2}|[A-Ha-h])\) (?=\S)", r"\1, ", text)
    text = re.sub(r"\s*(?:--+|[–—]|\s-\s)\s*", _dash, text)
    text = re.sub(r"\.{3,}|(?<=\w)\.\.(?=\s|$)", ", ", text)
    text = re.sub(r"(?<!\w)'(?!\d0s)([^']{1,120})'(?!\w)", r"\1", text)
    text = re.sub(r"\"|(?<!\w)'(?=\w)(?!\d0s)|(?<=[.,!?;:])'(?!\w)|(?<=\w)'(?=[\s,.?!;:)]|$)(?<!s')", "", text)
    text = re.sub(r"\s*[(\[{]\s*(?=[^\W_])([^()\[\]{}]*?)\s*[)\]}](?=(\s*[.,;:?!]|\s*$)?)", _aside, text)
    return "".join(char for char in text if not _is_picture(char))


def _join_lines(text: str) -> str:
    parts: list[str] = []
    was_item = False
    for line in (line.strip() for line in text.splitlines()):
        if not line:
            continue
        item = _ITEM.match(line)
        said = line
        if item:
            said = item["text"].strip()
            if item["letter"]:
                said = f"{item['letter'].upper()}, {said}"
        if parts and not re.search(r"[.?!:;,]$", parts[-1]):
            parts[-1] += "," if item and was_item else ":" if item else "."
        elif parts and item and was_item and parts[-1].endswith(";"):
            parts[-1] = parts[-1][:-1] + ","
        parts.append(said)
        was_item = bool(item)
    return " ".join(parts)


def _aside(match: re.Match[str]) -> str:
    return f", {match[1].strip()}" + ("" if match[2] is not None else ", ")


def _dash(match: re.Match[str]) -> str:
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    if after and after in CURRENCIES and _PRICE.search(match.string[max(0, match.start() - 24) : match.start()]):
        return "-"
    if not after.isdecimal() or before in ".:;!?":
        return ", "
    return " - " if match[0].startswith(" ") or not before.isdecimal() else "-"


def _is_picture(char: str) -> bool:
    return unicodedata.category(char) in ("So", "Sk", "Cf", "Co", "Cs", "Cn") and char not in "°^`©®"
