"""Does what is said say what was written? An eye of its own, which knows nothing of how a text is put into words."""

from voxsmith.stages.text.sayings.figures import other_figure
from voxsmith.stages.text.sayings.letters import other_letters
from voxsmith.stages.text.sayings.signs import other_sign
from voxsmith.stages.text.sayings.units import other_unit
from voxsmith.stages.text.sayings.written import broken, cleaned
from voxsmith.stages.text.speakable import Fault

REASON = "said_otherwise"


def said_otherwise(written: str, said: str) -> Fault | None:
    """The first figure, sign, unit or acronym of an English text that has no word of its own in what is said, or the first
    number or sign that is said and was not written; None where there is none.

    `written`: as people write, with digits and signs. `said`: the same in words, with nothing but plain punctuation.
    What is worded otherwise besides is no matter here.
    """
    if damage := broken(written):
        return Fault(REASON, f"{damage!r} is no sign that could be said")
    written = cleaned(written)
    for looked_for in (other_sign, other_unit, other_letters, other_figure):
        if message := looked_for(written, said):
            return Fault(REASON, message)
    return None
