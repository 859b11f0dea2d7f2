"""An LLM that knows some sentences: their German, and how they go on."""

from dataclasses import replace

from voxsmith.stages.engines.null import Config, Null, null_backend
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion

GERMAN = {
    "I ordered 12 chairs from the shop in town.": "Ich habe 12 Stühle in dem Laden in der Stadt bestellt.",
    "My train leaves early tomorrow morning.": "Mein Zug fährt morgen früh sehr zeitig ab.",
    "The garden is full of red apples.": "Der Garten ist voll von roten Äpfeln.",
}
NEXT = {
    "I ordered 12 chairs from the shop in town.": "They will arrive on Monday in a big white van.",
    "My train leaves early tomorrow morning.": "So you should set an alarm before you go to bed.",
    "The garden is full of red apples.": "We could bake a cake with some of them this evening.",
}


class Interpreter(Null):
    def reply(self, request: Request) -> Completion:
        assert isinstance(request, Complete) and request.messages
        asked = request.messages[-1][1]
        known = GERMAN if "German" in asked else NEXT
        return Completion(next(reply for text, reply in known.items() if text in asked), "stop", 20)


BACKEND = replace(null_backend("llm_interpreter", Config, Interpreter), name="toys.interpreter", kind="llm")
