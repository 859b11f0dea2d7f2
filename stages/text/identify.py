"""Which language a text is in, by py3langid (BSD-3-Clause): naive Bayes over n-grams of bytes, 139 languages, no model hub.

It needs some words: of "Ja." it knows little, of a sentence nearly all. So a text is only said to be in a wrong language
where the right one is very unlikely.
"""

import re
import threading
from functools import cache
from typing import Any

from voxsmith.schemas.languages import LANGUAGES
from voxsmith.stages.text.sentences import sentences
from voxsmith.stages.text.speakable import Fault

_UNLIKELY = 0.05
_FEW = 12  # letters, too few to tell
_LONG = 40  # letters of a sentence that is told by itself
_lock = threading.Lock()


@cache
def _identifier() -> tuple[Any, frozenset[str]]:
    """The identifier, and what it knows. Ten times quicker with some tens of languages, and surer."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    known = frozenset(LANGUAGES) & frozenset(identifier.labels)
    identifier.set_languages(sorted(known))
    return identifier, known


def another_language(text: str, wanted: str) -> Fault | None:
    """A fault where the text is surely not in the language `wanted`, a code such as "de"; None too where that isn't one of
    LANGUAGES, and of a word or two.
    """
    if sum(char.isalpha() for char in text) < _FEW:
        return None
    with _lock:  # it is filled once, and an actor's threads share it
        identifier, known = _identifier()
    if wanted not in known:
        return None
    ranked = identifier.rank(text)
    likeliest, _ = ranked[0]
    if likeliest != wanted and dict(ranked)[wanted] < _UNLIKELY:
        return Fault("language", f"the text is in {LANGUAGES[likeliest]}, not in {LANGUAGES[wanted]}")
    return None


def long_sentences(text: str) -> list[str]:
    """Sentences of the text that are long enough to be told each by itself, where it has more than one."""
    parts = [part for whole in sentences(text) for part in re.split(r"(?<=[。！？])", whole)]
    return [part for part in parts if sum(char.isalpha() for char in part) >= _LONG] if len(parts) > 1 else []
