"""Languages by code, as ISO 639-1 and Whisper have them: those that texts are translated into and told apart in."""

import re
from typing import Annotated

from pydantic import AfterValidator

from voxsmith.schemas.names import nearest

LANGUAGES = {
    "ar": "Arabic",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "fi": "Finnish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "sv": "Swedish",
    "ta": "Tamil",
    "th": "Thai",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
_CODES = {name.lower(): code for code, name in LANGUAGES.items()}
_CODE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*")


def _known(text: str) -> str:
    if code := _CODES.get(text.strip().lower()):
        raise ValueError(f"'{text}' is a language's name, and its code is wanted: say {code}")
    if text not in LANGUAGES:
        raise ValueError(f"no language '{text}'; {nearest(text, LANGUAGES)}")
    return text


def _code(text: str) -> str:
    if code := _CODES.get(text.strip().lower()):
        raise ValueError(f"'{text}' is a language's name, and its code is wanted: say {code}")
    if not _CODE.fullmatch(text):
        raise ValueError(f"'{text[:80]}' is no code of a language: say en, or en-GB")
    return text


Language = Annotated[str, AfterValidator(_known)]  # one of LANGUAGES
LanguageCode = Annotated[str, AfterValidator(_code)]  # of any language, with or without a region
