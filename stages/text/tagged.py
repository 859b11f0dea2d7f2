"""A transcript with tags in it as it is said: signs for the tags of signs, and no tag of anything else left."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from voxsmith.stages.text.speakable import Fault
from voxsmith.stages.text.tags import FILLERS, SIGNS, kind_of, sign_of

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
    | \[(?P<square>[^\[\]]{1,60})\]
    | \{(?P<curly>[^{}]{1,60})\}
    | (?<!\w)\((?P<round>[^()]{1,40})\)
    | (?<![\w*])\*(?P<star>[^*\n]{1,30})\*(?![\w*])
    | \+\+(?P<plus>[^+\s]{1,30})\+\+
    | (?<!\S)&=(?P<chat>[\w:]+)                                # CHAT: &=laughs
    | (?<!\S)!(?P<bang>[A-Z]{3,})(?!\S)                        # HTK: !SIL
    | (?<!\S)(?P<bare>xxx|yyy)(?!\S)                           # CHAT: what nobody understood
    | ♪(?P<sung>[^♪]{0,200})♪?
    )(?P<after>\s*)""",
    re.X | re.I,
)
_SIGNS = frozenset(SIGNS.values())
_VARIANT = re.compile(r"(?<=\w)\(\d{1,2}\)")  # CMU Sphinx, TED-LIUM: which pronunciation was said
_LAUGHED = re.compile(r"\[(?:laughter|laughing|laugh)-([^\[\]\s]+)\]", re.I)  # Switchboard: a word said laughing
_MEANT = re.compile(r"\[([\w'’-]+)/[\w'’-]+\]")  # Switchboard: as said/as meant
_UNSAID = re.compile(r"-?\[[\w'’]+\](?=\w)|(?<=\w)\[[\w'’]+\]-?")  # Switchboard: the part of a word that was not said
_FILLED = re.compile(r"(?<!\S)(?:%|&-)(?=[a-zäöü]{1,5}\b)", re.I)  # Hub5: %uh; CHAT: &-uh
_NAMED = re.compile(r"(?<!\S)[\^~](?=\w)")  # LDC: a proper name, a letter that is spelled
_TURN = re.compile(r"(?<!\S)>>+\s*")  # captions: somebody else speaks
_MARKS = re.compile(r"(?<!\S)(?:\[/+\]|\(\.+\)|\+\.\.\.|\+/+\.)(?!\S)")  # CHAT: said again, a pause, trailing off


def without_tags(text: str, policy: Policy) -> tuple[str, set[str], Fault | None]:
    """(the text, what was done, why the row is no good or None). What was done: "signs" (tags of signs became signs), "tags"
    (others were taken out, or the words in them kept). A text without tags comes back as it is.
    """
    done: set[str] = set()
    faults: list[Fault] = []
    capitals = not any(char.islower() for char in _TAG.sub(" ", text))

    def keep(pattern: re.Pattern[str], by: str) -> None:
        nonlocal text
        text, count = pattern.subn(by, text)
        if count:
            done.add("tags")

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

    keep(_LAUGHED, r"\1")
    keep(_MEANT, r"\1")
    keep(_UNSAID, "-")
    keep(_VARIANT, "")
    keep(_FILLED, "" if policy.fillers == "keep" else " ")
    keep(_NAMED, "")
    keep(_TURN, "")
    keep(_MARKS, "")
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
    if own is not None and own not in ("noise", "sound", "unclear", "mark"):
        return own
    if own is None and (sign := sign_of(name)) and form in ("angle", "square"):
        return sign
    if own is None and name.lower() in FILLERS and form != "round":
        return "" if policy.fillers == "drop" else name.upper() if capitals else name.lower()
    time = form in ("angle", "square") and re.fullmatch(r"[\d\s:.,-]*\d[\d\s:.,-]*", name)
    kind = own or ("mark" if time else kind_of(name))
    if form == "guess":
        kind, name = ("unclear", name or "(( ))")
    if form == "sung":
        kind, name = ("noise", "♪")
    if kind is None:
        if form == "curly" and re.fullmatch(r"[\w'’ -]+", name):  # Switchboard: a word of the speaker's own making
            return name
        if form not in ("angle", "square", "chat", "bang", "plus"):
            return None
        return Fault("tag", f"nothing is known of the tag {name!r}; say in `tags` what it stands for")
    if kind == "mark":
        return ""
    fate = getattr(policy, kind)
    if form == "guess" and fate == "drop" and re.search(r"\w", name):
        return name  # a guess is more than nothing
    return "" if fate == "drop" else Fault(kind, f"the corpus marks {_MEANING[kind]}: {name!r}")


_MEANING = {
    "noise": "that there is something else than speech",
    "sound": "a sound between the words",
    "unclear": "words that nobody understood",
}
