"""A text in words, and whether these are the words for what is written."""

from voxsmith.models.text.verbalise import verbalise
from voxsmith.stages.text.said_otherwise import said_otherwise
from voxsmith.stages.text.speakable import Fault


def in_words(written: str) -> tuple[str, Fault | None]:
    """What is said for an English text, with the fault `said_otherwise` where a figure or sign isn't said as it is written."""
    said = verbalise(written)
    return said, said_otherwise(written, said)
