"""What corpora write into a transcript beside words, by name: signs in words, sounds, words that nobody understood.

Names from the transcription guides of GigaSpeech, Switchboard, Fisher, TED-LIUM, AMI, Earnings-22, CHAT, CMU Sphinx and
Kaldi's recipes, and from captions. A name is compared in lower case, without what embraces it, "-" and "_" as blanks.
"""

import re
from typing import Literal

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
    "colon": ":",
    "semicolon": ";",
    "ellipsis": "…",
}
_NOISE = """
    sil, silence, silent, music, musik, noise, noises, other, garbage, static, applause, applauds, clapping, nontalk, non talk,
    non speech, nonspeech, blank, blank audio, background, background noise, background speech, ring, ringing, beep, buzz,
    phone ringing, typing, door, knock, siren, hum, nsn, int, sta, no speech, no audio, theme music, music playing
"""
_SOUND = """
    laughter, laugh, laughs, laughing, chuckle, chuckles, chuckling, giggle, giggles, breath, breathing, breathe, inhale,
    inhales, exhale, exhales, cough, coughs, coughing, sneeze, sneezes, sigh, sighs, sighing, sniff, sniffs, smack, smacks,
    lipsmack, lip smack, lipsmacks, lip smacks, tongue click, click, clicks, mouth, mouth noise, throat, throat clearing,
    clears throat, clear throat, gulp, swallow, swallows, yawn, yawns, cry, crying, cries, sob, sobbing, groan, gasp, gasps,
    whistle, whistling, vocalized noise, vocal noise, vocalsound, vocal sound, vocalnoise, v noise, spoken noise, spn, mn, vn,
    brth, lau, ls, pause, short pause, long pause, pauses, bcack, singing, humming, whispers, whispering, hesitation, hes
"""
_UNCLEAR = """
    unk, unknown, unintelligible, inaudible, unclear, indistinct, indiscernible, incomprehensible, mumbles, mumbling, mumble,
    xxx, yyy, xx, crosstalk, cross talk, overlap, overlapping, overlapping speech, foreign, foreign language, foreign speech,
    speaking foreign language, speaks foreign language, redacted, censored, expletive, bleep, bleeped, cutoff, cut off, fragment
"""
_MARK = "s, /s, eps, epsilon, sic, ph, phonetic, sp, disfmarker, sos, eos, bos, pad, blank line, verbatim"
KINDS: dict[str, Kind] = {}
for _kind, _names in (("noise", _NOISE), ("sound", _SOUND), ("unclear", _UNCLEAR), ("mark", _MARK)):
    KINDS |= dict.fromkeys((" ".join(name.split()) for name in _names.split(",")), _kind)  # type: ignore[arg-type]

_HUMMED = """
    um umm uh uhh uhm er erm ah ahh eh oh ooh huh hm hmm mm mmm mhm mhmm uhhuh uh-huh mm-hm mm-hmm äh ähm öh öhm hä euh heu eh
"""
FILLERS = frozenset(_HUMMED.split())


def kind_of(name: str) -> Kind | None:
    """What a tag of this name stands for, None where the name isn't known. "pause 0.5" is a pause."""
    plain = re.sub(r"[\s_-]+", " ", name.strip().lower()).strip(" /#&=.!?*+%")
    return KINDS.get(name.strip().lower()) or KINDS.get(plain) or KINDS.get(re.sub(r"[ :]?[\d.,]+s?$", "", plain))


def sign_of(name: str) -> str | None:
    """The sign that a tag of this name stands for: "," for COMMA."""
    return SIGNS.get(re.sub(r"[\s_-]+", "", name.lower()))
