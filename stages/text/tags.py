"""What corpora write into a transcript beside words, by name: signs in words, sounds, words that nobody understood.

Names from the transcription guides of GigaSpeech, Switchboard, Fisher, TED-LIUM, AMI, Earnings-22, CHAT, CMU Sphinx and
Kaldi's recipes, and from captions. A name is compared in lower case, without what embraces it, "-" and "_" as blanks.
"""

import re
from typing import Literal

from voxsmith.schemas.languages import LANGUAGES

# noise: nobody speaks. sound: a person's, between words. unclear: words that are missing in the text. mark: of the
# transcriber, no sound at all.
Kind = Literal["noise", "sound", "unclear", "mark"]

SIGNS = {
    "comma": ",",
    "period": ".",
    "fullstop": ".",
    "questionmark": "?",
    "exclamationpoint": "!",
    "exclamationmark": "!",
    "question": "?",
    "exclamation": "!",
    "colon": ":",
    "semicolon": ";",
    "ellipsis": "…",
}
_NOISE = """
    sil, silence, silent, music, musik, noise, noises, other, garbage, static, applause, applauds, clapping, nontalk, non talk,
    non speech, nonspeech, blank, blank audio, background, background noise, background speech, ring, ringing, beep, buzz,
    phone ringing, typing, door, knock, siren, hum, nsn, int, sta, no speech, no audio, theme music, music playing,
    distortion, sound, dtmf, prompt, nvc, nonvocalsound, nonvocal, nonspeaker, nonspeaker other, paper rustle, door slam,
    cheering, cheers, barking, chirping, buzzing, beeping, knocking, thunder, gunshot, chatter, jingle, song, video, audio,
    geräusch, rauschen, stille, beifall, applaus, bruit, musique, applaudissements, música, ruido, silencio, aplausos,
    音乐, 音樂, 掌声, 噪音, 静音
"""
_SOUND = """
    laughter, laugh, laughs, laughing, chuckle, chuckles, chuckling, giggle, giggles, breath, breathing, breathe, inhale,
    inhales, exhale, exhales, cough, coughs, coughing, sneeze, sneezes, sigh, sighs, sighing, sniff, sniffs, smack, smacks,
    lipsmack, lip smack, lipsmacks, lip smacks, tongue click, click, clicks, mouth, mouth noise, throat, throat clearing,
    clears throat, clear throat, gulp, swallow, swallows, yawn, yawns, cry, crying, cries, sob, sobbing, groan, gasp, gasps,
    laughter, laugher, grunt, grunts, hiccup, burp, slurp, fil, spk, voc, vocal, loud breath, loud sigh, chuckled, laughed,
    lachen, lacht, husten, hustet, atmen, räuspern, seufzt, rires, rire, rit, toux, soupir, risa, risas, ríe, tos, suspiro,
    笑, 笑声, 咳嗽, whistle, whistling, vocalized noise, vocal noise, vocalsound, vocal sound, vocalnoise, v noise, spoken noise,
    spn, mn, vn, brth, lau, ls, pause, short pause, long pause, pauses, bcack, singing, humming, whispers, whispering, hesitation, hes
"""
_UNCLEAR = """
    unk, unknown, unintelligible, inaudible, unclear, indistinct, indiscernible, incomprehensible, mumbles, mumbling, mumble,
    xxx, yyy, xx, crosstalk, cross talk, overlap, overlapping, overlapping speech, foreign, foreign language, foreign speech,
    speaking foreign language, speaks foreign language, redacted, censored, expletive, bleep, bleeped, cutoff, cut off, fragment,
    skip, repeat, un, uncertain, ov, non english, unverständlich, unv, incompréhensible, ininteligible, 听不清
"""
_MARK = """
    s, /s, eps, epsilon, sic, ph, phonetic, sp, disfmarker, sos, eos, bos, pad, blank line, verbatim, comment, as, aside, b aside,
    e aside, female to male, male to female
"""
KINDS: dict[str, Kind] = {}
for _kind, _names in (("noise", _NOISE), ("sound", _SOUND), ("unclear", _UNCLEAR), ("mark", _MARK)):
    KINDS |= dict.fromkeys((" ".join(name.split()) for name in _names.split(",")), _kind)  # type: ignore[arg-type]

# Words that may stand beside such a name: "laughs softly", "upbeat music", "door slams".
_BESIDE_WORDS = """
    softly loudly quietly nervously slightly heavily deeply briefly lightly continues continue ends fades starts stops in the
    background upbeat soft dramatic gentle tense somber eerie ominous classical loud faint distant playing plays both all
    audience crowd man woman speaker male female child phone telephone bell bells dog bird birds car baby opens closes slams
    rings ringing barks chirps to herself himself
"""
_BESIDE = frozenset(_BESIDE_WORDS.split())
_LANGUAGES = "|".join(LANGUAGES.values()).lower() + "|foreign|mandarin|cantonese|non-english"
_SPOKEN = re.compile(
    rf"(?:speak(?:s|ing)?|sing(?:s|ing)?|talk(?:s|ing)?) (?:in )?(?:a )?(?:{_LANGUAGES})(?: language)?"
)
_FOREIGN = re.compile(rf"/?(?:{_LANGUAGES}|language)(?:[\s:]+(?P<words>.*))?", re.I | re.S)
_ELEMENT = re.compile(r"(\w[\w-]*)(?:\s+\w+\s*=\s*[\"'][^\"']*[\"'])+")  # ICSI: <VocalSound Description="laugh"/>

_HUMMED = """
    um umm uh uhh uhm er erm ah ahh eh oh ooh huh hm hmm mm mmm mhm mhmm uhhuh uh-huh mm-hm mm-hmm
    aha err ha ho hum ach eee ew hee äh ähm öh öhm hä euh heu
"""
FILLERS = frozenset(_HUMMED.split())


def kind_of(name: str) -> Kind | None:
    """What a tag of this name stands for, None where the name isn't known. "pause 0.5" is a pause, "laughs softly" a sound."""
    name = name.strip().lower()
    if name in KINDS:
        return KINDS[name]
    plain = re.sub(r"[\s_-]+", " ", _ELEMENT.sub(r"\1", name)).strip(" /#&=.!?*+%")
    if plain in KINDS:
        return KINDS[plain]
    plain = re.sub(r"[ :]?\d[\d.,:]*s?$", "", plain)  # how long, or when
    if plain in KINDS:
        return KINDS[plain]
    if _SPOKEN.fullmatch(plain):
        return "unclear"
    if re.fullmatch(r"(?:speaker|spk|spkr|sp|s)", plain) and plain != name:  # [SPEAKER_00]
        return "mark"
    words = plain.split()
    if words[:1] == ["voc"]:  # ICSI: {VOC laugh}
        return "sound"
    kinds = {KINDS[word] for word in words if word in KINDS}
    if 1 < len(words) <= 5 and kinds and all(word in KINDS or word in _BESIDE for word in words):
        return next(kind for kind in ("unclear", "noise", "sound", "mark") if kind in kinds)
    return None


def foreign_words(name: str) -> str | None:
    """The words of a tag that says in which language they are ("English hello"), None where it says no such thing."""
    match = _FOREIGN.fullmatch(name.strip())
    return (match["words"] or "").strip() if match else None


def sign_of(name: str) -> str | None:
    """The sign that a tag of this name stands for: "," for COMMA."""
    return SIGNS.get(re.sub(r"[\s_-]+", "", name.lower()))
