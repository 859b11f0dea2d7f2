"""A transcript with tags in it as it is said: signs for the tags of signs, and no tag of anything else left."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from voxsmith.stages.text.marked import without_marks
from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.tags import FILLERS, SIGNS, foreign_words, kind_of, sign_of

Fate = Literal["reject", "drop"]


class Policy(NamedTuple):
    """What becomes of a row that has such a tag: `reject`, or the tag is taken out. `own`: a corpus' own tags, lower case
    without what embraces them, as a kind (noise, sound, unclear, mark) or as the text that they stand for.
    """

    noise: Fate
    sound: Fate
    unclear: Fate
    fillers: Literal["keep", "drop"]
    own: Mapping[str, str]


# Each form in which tags are written. Round brackets and stars embrace words too: there only a name that is known is a tag.
_TAG = re.compile(
    r"""(?P<before>\s*)(?:
      \(\((?P<guess>[^()]*)\)\)                                # Fisher: what somebody may have said
    | <(?P<angle>[^<>\s][^<>]{0,60})>
    | \[(?P<square>[^\[\]]{0,60})\]
    | \{(?P<curly>[^{}]{1,60})\}
    | (?<!\w)\((?P<round>[^()]{1,40})\)
    | (?<![\w*])\*(?P<star>[^*\n]{1,30})\*(?![\w*])
    | \+\+(?P<plus>[^+\s]{1,30})\+\+
    | (?<!\S)&=(?P<chat>[\w:]+)                                # CHAT: &=laughs
    | (?<!\S)!(?P<bang>[A-Z]{3,})(?!\S)                        # HTK: !SIL
    | (?<!\S)(?P<bare>xxx|yyy|\*\*|_{2,})(?!\S)                # CHAT, SpeechDat: what nobody understood
    | [♪♫♬](?P<sung>[^♪♫♬]{0,200})[♪♫♬]?
    | ^\#\s(?P<song>.{1,300})\s\#$                               # the same in British subtitles
    )(?P<after>\s*)""",
    re.X | re.I,
)
_SIGNS = frozenset(SIGNS.values())
_HUMS = frozenset(("um", "uh", "uhm", "er", "hm", "hmm", "mm", "mhm", "uh-huh", "äh", "ähm"))  # in round brackets too
# WebVTT, SubRip: <i>, <c.yellow>, <v Roger>; {\an8}; Whisper: <|en|>
_MARKUP = re.compile(r"/?(?:i|b|u|em|strong|font|span|ruby|rt|c|v|lang|br)(?:[.\s][^<>]*)?/?|\|[^|]*\||\\\w+.*")
_TIME = re.compile(r"[\d\s:.,-]*\d[\d\s:.,-]*")
_NOBODY_KNOWS = re.compile(r"\?+|\.{3}|…")
_PERHAPS = re.compile(r"([\w'’ -]{1,40})\?")  # "[Paris?]"


def without_tags(text: str, policy: Policy) -> tuple[str, set[str], Fault | None]:
    """(the text, what was done, why the row is no good or None). What was done: "signs" (tags of signs became signs), "tags"
    (others were taken out, or the words in them kept). A text without tags comes back as it is.
    """
    done: set[str] = set()
    faults: list[Fault] = []
    capitals = not any(char.islower() for char in _TAG.sub(" ", text))

    def replaced(match: re.Match[str]) -> str:
        form = next(name for name in match.re.groupindex if name not in ("before", "after") and match[name] is not None)
        said = _said(match[form].strip(), form, policy, capitals)
        if said is None:
            return match[0]
        if isinstance(said, Fault):
            faults.append(said)
            return match[0]
        sign = said in _SIGNS
        done.add("signs" if said and sign else "tags")
        if said and not sign:
            return f"{match['before']}{said}{match['after']}"
        following = text[match.end() : match.end() + 1]
        blank = " " if match["before"] or match["after"] else ""
        if said:
            return f"{said}{' ' if following else ''}"
        return "" if not following or following in ",.;:?!" or match.start() == 0 else blank

    given, text = text, without_marks(text, policy.fillers)
    if text != given:
        done.add("tags")
    before = None
    while before != text and not faults:  # a tag may stand beside another, or in one
        before, text = text, _TAG.sub(replaced, text)
    if done:
        text = re.sub(r"([,;:.?!…])(?:\s+[,;:.?!…])+", r"\1", re.sub(r"^[\s,.;:]+", "", text))
        text = re.sub(r"\s+", " ", text).strip()
    return text, done, faults[0] if faults else None


def _said(name: str, form: str, policy: Policy, capitals: bool) -> str | Fault | None:
    """What stands in the tag's place; a fault where the row is no good; None where it is no tag."""
    own = policy.own.get(name.lower())
    if own is not None and own not in _MEANING and own != "mark":
        return own
    if own is None and (sign := sign_of(name)) and form in ("angle", "square", "curly"):
        return sign
    if own is None and name.lower() in FILLERS and (form != "round" or name.lower() in _HUMS):
        return "" if policy.fillers == "drop" else name.upper() if capitals else name.lower()
    guess = _guessed(name, form) if own is None else None
    kind = own or ("unclear" if guess is not None else _kind(name, form))
    if kind is None:
        if form == "curly" and re.fullmatch(r"[\w'’ -]+", name):  # Switchboard: a word of the speaker's own making
            return name
        if form not in ("angle", "square", "chat", "bang", "plus"):
            return None
        return Fault("tag", f"nothing is known of the tag {name!r}; say in `tags` what it stands for")
    if kind == "mark":
        return ""
    if getattr(policy, kind) == "drop":
        return guess or ""  # a guess is more than nothing
    return Fault(kind, f"the corpus marks {_MEANING[kind]}: {name or form!r}")


def _guessed(name: str, form: str) -> str | None:
    """The words in a tag that says that somebody may have said them, or said them in another language."""
    if form == "guess":
        return name if re.search(r"\w", name) else ""
    if form == "square" and (match := _PERHAPS.fullmatch(name)):
        return match[1]
    return foreign_words(name) if form == "angle" else None


def _kind(name: str, form: str) -> str | None:
    """What a tag in this form stands for, None where that isn't known."""
    if form in ("sung", "song"):
        return "noise"
    if (
        form == "bare"
        or (form in ("angle", "square") and _NOBODY_KNOWS.fullmatch(name))
        or (form, name) == ("round", "?")
    ):
        return "unclear"
    if form in ("angle", "square") and (not name or _TIME.fullmatch(name)):
        return "mark"
    if form in ("angle", "curly") and _MARKUP.fullmatch(name):
        return "mark"
    return kind_of(name)


_MEANING = {
    "noise": "that there is something else than speech",
    "sound": "a sound between the words",
    "unclear": "words that nobody understood",
}
