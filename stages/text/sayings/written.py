"""The written side, in one alphabet of signs."""

import re
import unicodedata

_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#x[\da-fA-F]{1,5});")
# UTF-8 that was read as Windows-1252: â€™ for an apostrophe, Ã© for é.
_MISREAD = re.compile("â€[\u0080-\u00bf™œ\u009d˜¦“”]|Ã[\u00a0-\u00bf©¨¼¶¤]|Â[°£©®½]")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[^\s@]{1,64}@[^\s@]+|\b[\w-]{1,63}\.(?:com|org|net|edu|gov|io)\b\S*")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹₀₁₂₃₄₅₆₇₈₉", "01234567890123456789")
_PLAIN = str.maketrans({"’": "'", "‘": "'", "′": "'", "″": '"', "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ",
                        "‐": "-", "‑": "-", "μ": "µ", "＄": "$", "％": "%"})  # fmt: skip


def broken(written: str) -> str:
    """An entity of HTML or misread bytes in the text, or ""."""
    match = _ENTITY.search(written) or _MISREAD.search(written)
    return match[0] if match else ""


def cleaned(written: str) -> str:
    """The text with plain quotes, ½ as 1/2, ² as ^2, ℃ as °C, and ASCII digits."""
    text = unicodedata.normalize("NFC", written).translate(_PLAIN).replace("℃", "°C").replace("℉", "°F")
    text = re.sub(r"(?<=\d)\s?º\s?(?=[CF]\b)", "°", text)
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda raised: "^" + raised[0].translate(_RAISED), text)
    text = re.sub(r"(?<=[\w)])\s?\*\*\s?(?=\d)", "^", text)
    return "".join(map(_plain, text.translate(_RAISED)))


def without_addresses(written: str) -> str:
    """The text without web and e-mail addresses, whose signs are read as they please."""
    return _ADDRESS.sub(" ", written)


def _plain(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.category(char) == "No" and char.isnumeric():
        return " " + unicodedata.normalize("NFKC", char).replace("⁄", "/") + " "
    return char
