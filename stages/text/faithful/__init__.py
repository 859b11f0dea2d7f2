"""Does a rewritten request still ask for the same? Cheap tests on words, of two levels.

`literal` lets an opener and a few small words be added, `free` lets the request be put in other words. At both of them
numbers, names, quoted words, negations, the material and who does what stay. A doubt is a fault, as another try costs
little.
"""

from voxsmith.models.text.verbalise import verbalise
from voxsmith.schemas.checks import QueryText
from voxsmith.stages.text.faithful.free import strays_freely
from voxsmith.stages.text.faithful.literal import strays
from voxsmith.stages.text.faithful.parts import Parts
from voxsmith.stages.text.material import split_context
from voxsmith.stages.text.speakable import Fault


def faithful(query_text: str, instruction: str, context: str | None, checks: QueryText) -> Fault | None:
    """The first way in which the request strays from the instruction (its context included), or None."""
    task, material = split_context(instruction, context)
    parts = Parts(instruction, task, verbalise(task), verbalise(material))
    if checks.level == "literal":
        return strays(query_text, parts, checks.min_kept)
    return strays_freely(query_text, parts)
