"""The last step before a voice: titles and acronyms as they are read, nothing left that a G2P would stumble over."""

import re
import unicodedata

from voxsmith.models.text.layout import flatten
from voxsmith.models.text.verbalise import verbalise

_TITLES = {"Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor", "St": "Saint",
           "Jr": "Junior", "Sr": "Senior", "Gen": "General", "Sgt": "Sergeant", "Capt": "Captain", "Lt": "Lieutenant",
           "Rev": "Reverend", "Gov": "Governor", "Sen": "Senator", "Inc": "Incorporated", "Ltd": "Limited",
           "Co": "Company", "Corp": "Corporation", "Mt": "Mount", "Ave": "Avenue", "Blvd": "Boulevard"}  # fmt: skip
# Acronyms that are read as words.
_READ = """
    NASA NATO UNESCO UNICEF OPEC AIDS SCUBA RADAR LASER GIF NAFTA FIFA SWAT COVID RAM ROM SIM PIN JSON IKEA YOLO FOMO
    LEGO PETA SARS MERS HIPAA OSHA REST BASIC SAT ASAP
"""
_WORDS = frozenset(_READ.split())
# Emphasis, not letters. What names something too (US, IT, WHO, AM, ID, LED) is no part of it.
_STRESSED = """
    ALL ALSO AN AND ANY ARE AS AT BAD BE BEEN BEST BIG BOTH BUT BY CAN DAY DO DOES EACH END EVEN EVER EVERY FIRST FOR
    FREE FROM GET GOOD GREAT HAD HAPPY HAS HAVE HE HELLO HER HERE HIM HIS HOW IF IN INTO IS ITS JUST KNOW LAST LESS LIKE LOVE
    MAKE MANY MORE MOST MUCH MUST MY NEED NEVER NEW NO NONE NOT NOW OF OFF OH ON ONCE ONE ONLY OR OTHER OUR OUT OVER REAL
    SAME SHE SO SOME STILL STOP SUCH THAN THANK THAT THE THEIR THEM THEN THERE THESE THEY THING THIS THOSE TO TOO TRUE TWO
    UP USE VERY WANT WAS WAY WE WELL WERE WHAT WHEN WHERE WHICH WHY WILL WITH WORLD WOULD WOW YES YOU YOUR
"""
_EMPHASIS = frozenset(_STRESSED.split())


def spoken(text: str) -> str:
    """The text with titles written out, acronyms spelled and no sign but plain punctuation."""
    text = verbalise(text)
    text = re.sub(rf"\b({'|'.join(_TITLES)})\.(?=\s[A-Z]|\s*$|[,?!])", lambda match: _TITLES[match[1]], text)
    text = re.sub(r"\b(Mr|Mrs|Ms|Dr|Prof)(?= [A-Z])", lambda match: _TITLES[match[1]], text)
    text = re.sub(r"\b(?:[A-Z]\.){2,}", lambda match: " ".join(match[0].replace(".", "")) + " ", text)
    return re.sub(r"\s+", " ", re.sub(r"\b[A-Z]{2,5}(s?)\b", _acronym, text)).strip()


def plain(text: str) -> str:
    """The text on one line, without markup, in whatever language: its numbers and signs stay."""
    return " ".join(flatten(unicodedata.normalize("NFC", text)).split())


def _acronym(match: re.Match[str]) -> str:
    if match[0] in _EMPHASIS:
        return match[0].lower()
    letters = match[0].removesuffix("s")
    around = (
        match.string[max(0, match.start() - 2) : match.start()].strip()[-1:],
        match.string[match.end() :][:2].strip()[:1],
    )
    if letters in _WORDS or around[0].isupper() or around[1].isupper():
        return match[0]
    return " ".join(letters) + ("'s" if match[1] else "")
