"""LLM without a model: a sentence of words drawn by the request's digest, some of them out of the prompt's end.

See `voxsmith.stages.engines.null`.
"""

import json
import random
import re

from voxsmith.stages.engines.null import Config, Null, null_backend
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete, Completion

_WORDS = (
    "amber basket candle distant evening forest gentle harbour island journey kettle lantern meadow northern "
    "orchard paper quiet river silver timber under velvet window yellow "
)


class Llm(Null):
    def reply(self, request: Request) -> Completion:
        if not isinstance(request, Complete):
            raise self.misled(request)
        draw = random.Random(request.digest("null"))
        asked = request.prompt or (request.messages or (("", ""),))[-1][1]
        self.usage["prompt_tokens"] += asked.count(" ") + 1
        heard = sorted(set(re.findall(r"[a-z]{5,}", asked[-200:])))
        said = draw.sample(_WORDS.split(), 8) + draw.sample(heard, min(4, len(heard)))
        draw.shuffle(said)
        text = f"The {' '.join(said[:6])} is near the {' '.join(said[6:])}."
        if request.json_schema is not None:
            wanted = json.loads(request.json_schema).get("properties", {})
            text = json.dumps(
                {name: draw.choice(one["enum"]) if "enum" in one else text for name, one in wanted.items()}
            )
        return Completion(text, "stop", len(said) + 5)


BACKEND = null_backend("llm_null", Config, Llm)
