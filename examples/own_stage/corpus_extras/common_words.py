"""Language identification by the words that are most frequent in each language. Needs no model."""

import re

from corpus_extras.language import Identify, Language

from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig
from voxsmith.stages.requests.base import Request

COMMON = {
    "de": "der die das und ist nicht ein eine ich sie wie was mit auf für den zu von es wir",
    "en": "the of and to a in is you that it for was on are with as what how i my can me",
    "es": "el la los las de que y es en un una por con para como qué cómo mi me se",
    "fr": "le la les de des et est en un une que qui pour dans ce je vous comment mon quel",
}
_SETS = {code: frozenset(words.split()) for code, words in COMMON.items()}


class Config(EngineConfig):
    """Settings of `lid_common_words`."""


class CommonWords(Batching):
    def __init__(self, config: Config) -> None:
        super().__init__(config.resources.batch)

    def answer(self, requests: list[Request]) -> list[Language]:
        return [self._identify(request) for request in requests if isinstance(request, Identify)]

    def _identify(self, request: Identify) -> Language:
        words = re.findall(r"\w+", request.text.lower())
        shares = {code: sum(word in common for word in words) / max(1, len(words)) for code, common in _SETS.items()}
        best = max(shares, key=lambda code: shares[code])
        return Language(best if shares[best] else "und", round(shares[best], 3))


BACKEND = Backend(
    name="lid_common_words",
    config=Config,
    load=CommonWords,
    identity=lambda config: {"backend": "lid_common_words", "words": COMMON},
    licence=lambda config: "CC0-1.0",
    batch_invariant=True,
)
