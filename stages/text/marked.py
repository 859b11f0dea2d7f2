"""Signs that transcribers put at and into words: of how a word was said, of who speaks, of when; and captions' markup.

From the guides of LDC (Switchboard, Fisher, CallHome, Voicemail), ISIP, AMI, TRAINS, SpeechDat, CHAT and WSJ, and WebVTT.
"""

import re
from typing import Literal

from voxsmith.stages.text.tags import kind_of

_TIME = r"\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,3})?"
_SPEAKER = (
    r"(?:speaker|spk|spkr|interviewer|interviewee|moderator|participant|respondent)(?:[ _.#-]?(?:\d{1,3}|[A-H]))?"
)
_VERBALISED = (
    "COMMA|PERIOD|POINT|(?:SEMI-?)?COLON|QUESTION-?MARK|EXCLAMATION-?(?:POINT|MARK)|HYPHEN|DASH|ELLIPSIS|SLASH|PERCENT|"
    "AMPERSAND|(?:SINGLE-|DOUBLE-|OPEN-|CLOSE-|END-)?QUOTES?|(?:LEFT|RIGHT|OPEN|CLOSE)-(?:PAREN|BRACE)\\w*"
)
_FORMS = (
    # When it is said.
    (rf"(?<!\S){_TIME}\s*-->\s*{_TIME}(?!\S)|^{_TIME}(?!\S)|^00:\d\d(?![\S])|^\(\d{{1,2}}:\d\d(?::\d\d)?\)", ""),
    (rf"(?<!\S)(?:\[{_TIME}\]|\({_TIME}\))(?!\S)", ""),
    # Who speaks: "A: ", "B.12: ", "SPEAKER 1: ", ">> ".
    (rf"(?:^|(?<=[.?!…] ))(?:[A-H](?:\.\d{{1,3}})?|S\d{{1,2}}|(?i:{_SPEAKER})):\s+|(?<!\S)>>+\s*", ""),
    (r"\[(?:laughter|laughing|laugh)-([^\[\]\s]+)\]", r"\1"),  # Switchboard: a word said laughing
    (r"\[([\w'’-]+)/[\w'’-]+\]", r"\1"),  # Switchboard: as said/as meant
    (r"\{[A-G]\s+([^{}]{0,80}?)\s*\}", r"\1"),  # Switchboard's dialogue acts: {F uh }
    (r"\[\s*([^\[\]+]{0,80}?)\s*\+\s+([^\[\]+]{0,80}?)\s*\]", r"\1 \2"),  # and [ I, + I ], said anew
    (r"\s-?//?$", ""),  # and where a unit ends
    (r"(?<=\w)\([^\W\d]+\)-", "-"),  # TRAINS: the part of a word that was not said
    (r"(?<=\w)\(\d{1,2}\)", ""),  # CMU Sphinx, TED-LIUM: which pronunciation was said
    (r"(?<!\S)\+([^\W\d][\w'’-]*)\+(?!\S)", r"\1"),  # CallHome: a word said wrong
    (r"(?<!\S)(?:[\^~@+&]|!(?!SIL\b))(?=[^\W\d])", ""),  # LDC: a name, letters, a word said wrong; Voicemail: !Apple
    (r"(?<![\w*])\*\*([^\W\d][\w'’-]*)\*\*(?!\w)", r"\1"),  # CallHome: a word of the speaker's own making
    (r"(?<![\w*])\*(?=[^\W\d])(?![^*]*\*)", ""),  # LDC, SpeechDat: the same, or said wrong
    (rf"(?<!\S)[^\w\s<\[{{]+(?=(?:{_VERBALISED})\b)", ""),  # WSJ: signs that were said, ",COMMA"
    (r"(?<!\S)(?:\[/+\]|\(\.+\)|\(\d?\.\d\)|\+\.\.\.|\+/+\.)(?!\S)", ""),  # CHAT: said again, a pause, trailing off
)  # fmt: skip
FORMS = tuple((re.compile(pattern), by) for pattern, by in _FORMS)
_NESTED = 4  # what is said anew may be said anew
_UNSAID = re.compile(r"-?\[(?P<name>[\w'’]+)\](?=\w)|(?<=\w)\[(?P<end>[\w'’]+)\]-?")  # Switchboard: th[at]-
_FILLED = re.compile(r"(?<!\S)(?:%|&-)(?=[a-zäöü]{1,5}\b)", re.I)  # Hub5: %uh; CHAT: &-uh
_FILLER = re.compile(r"(?<!\S)(?:%|&-)[a-zäöü]{1,5}\b", re.I)
_SPELLED = re.compile(r"(?<!\w)((?:[A-Za-z]_)+)(?=s?(?!\w)|['’])")  # AMI: T_V_


def without_marks(text: str, fillers: Literal["keep", "drop"]) -> str:
    """The text without them. A text that has none comes back as it is."""
    text = _FILLED.sub("", text) if fillers == "keep" else _FILLER.sub(" ", text)
    for _ in range(_NESTED):
        before = text
        for pattern, by in FORMS:
            text = pattern.sub(by, text)
        if text == before:
            break
    text = _UNSAID.sub(lambda match: match[0] if kind_of(match["name"] or match["end"]) else "-", text)
    return _SPELLED.sub(lambda match: match[1].replace("_", ""), text)
