"""The last step before a voice: titles and acronyms as they are read, nothing left that a G2P would stumble over."""

import re
import unicodedata

from voxsmith.models.text.layout import flatten
from voxsmith.models.text.letters import EMPHASIS
from voxsmith.models.text.verbalise import verbalise

_TITLES = {"Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "St": "Saint",
           "Jr": "Junior", "Sr": "Senior", "Gen": "General", "Sgt": "Sergeant", "Capt": "Captain", "Lt": "Lieutenant",
           "Rev": "Reverend", "Gov": "Governor", "Sen": "Senator", "Inc": "Incorporated", "Ltd": "Limited",
           "Co": "Company", "Corp": "Corporation", "Mt": "Mount", "Ave": "Avenue", "Blvd": "Boulevard"}  # fmt: skip
# Acronyms that are read as words.
_READ = """
    NASA NATO UNESCO UNICEF OPEC AIDS SCUBA RADAR LASER GIF NAFTA FIFA SWAT COVID RAM ROM SIM PIN JSON IKEA YOLO FOMO
    LEGO PETA SARS MERS HIPAA OSHA REST BASIC SAT ASAP
    JAXA ISRO ASCII JPEG ASEAN NASDAQ SONAR LIDAR CERN DARPA FEMA PEMDAS FOIL SMART SWOT STEM STEAM POTUS SCOTUS
    OLED COBOL LAN WAN CAPTCHA CRUD SOAP AJAX DOS CAD
"""
_WORDS = frozenset(_READ.split())


def spoken(text: str) -> str:
    """The text with titles written out, acronyms spelled and no sign but plain punctuation."""
    text = verbalise(text)
    text = re.sub(rf"\b({'|'.join(_TITLES)})\.(?=\s[A-Z]|\s*$|[,?!])", lambda match: _TITLES[match[1]], text)
    text = re.sub(r"\b(Mr|Mrs|Ms|Dr|Prof)(?= [A-Z])", lambda match: _TITLES[match[1]], text)
    text = re.sub(r"\b(?:[A-Z]\.){2,}", lambda match: " ".join(match[0].replace(".", "")) + " ", text)
    text = re.sub(r"(?<=[a-z] )([AP])M\b", r"\1 M", text)
    return re.sub(r"\s+", " ", re.sub(r"\b[A-Z]{2,5}(s?)\b", _acronym, text)).strip()


def plain(text: str) -> str:
    """The text on one line, without markup, in whatever language: its numbers and signs stay."""
    return " ".join(flatten(unicodedata.normalize("NFC", text)).split())


def _acronym(match: re.Match[str]) -> str:
    if match[0] in EMPHASIS:
        return match[0].lower()
    letters = match[0].removesuffix("s")
    beside = re.search(r"[A-Z]{2}\s?$", match.string[: match.start()]) or re.match(
        r"\s?[A-Z]{2}", match.string[match.end() :]
    )
    if letters in _WORDS or beside:
        return match[0]
    return " ".join(letters) + ("'s" if match[1] else "")
