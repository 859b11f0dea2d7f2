"""Is this English? Told by the little words that every sentence has, as names and terms are the same everywhere."""

import re
from collections.abc import Sequence

from voxsmith.models.text.words import STOPWORDS
from voxsmith.stages.text.identify import another_language

# Words of English that are words elsewhere too: they tell nothing.
_SHARED_WORDS = """
    a all also am an as at be by can do for had has have he her i if in is it me more most my no of on once or over per so
    some than to too under was we will
"""
_FOREIGN_WORDS = """
    el los las una del que y en es se por para si mi tu su muy pero como está son al lo esta este hay más tiene puede
    der das und ist ein eine nicht dem zu auf sich für von wird auch im ich sie er es wir werden sind oder wie
    le la les des du et est un une dans qui pas ce il elle sur au aux avec pour vous nous je ou être était plus
    di che è e non sono della nel dei gli uno il le da più anche ma
    het een niet van zijn op te ook maar dat voor met
    o os um uma não em ao mais dos é ser são foi
    och att det är som inte på av til og ikke jeg
    de je nie się na w jest yang dan ini itu untuk dengan
"""
_SHARED, _FOREIGN = frozenset(_SHARED_WORDS.split()), frozenset(_FOREIGN_WORDS.split())


def is_english(said: Sequence[str]) -> bool:
    """Whether these words, eight or more, may be English: none that is only English, and two of other tongues, are not.

    `said`: lower case. A headline or a list without any little word but "of" is English until something speaks against.
    """
    if any(word in STOPWORDS and word not in _SHARED for word in said):
        return True
    foreign = _FOREIGN.intersection(said)
    if not foreign and not any(word in STOPWORDS for word in said):
        return another_language(" ".join(said), "en") is None
    spelled = all(len(word) == 1 for word in foreign)  # "y" and "o" are letters first
    return any(word in STOPWORDS for word in said) and (len(foreign) < 2 or spelled)


def few_foreign_words(text: str) -> bool:
    """Whether a text of a few words is in another language: it has a little word or an accent of one, and none of English.

    Names alone tell nothing: "Francisco de Goya", "La Traviata".
    """
    parts = re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)?", text)
    said = [part.lower() for part in parts]
    if any(word in STOPWORDS and word not in _SHARED for word in said):
        return False
    plain = [part for part in parts[1:] if part[0].islower() and part.lower() not in _FOREIGN]
    strange = any(word in _FOREIGN for word in said) or any(ord(char) > 0x7F for part in plain for char in part)
    return strange and len(plain) >= 1 and another_language(text, "en") is not None
