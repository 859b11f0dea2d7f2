"""MOS without a model: every clip is good. See `stages.engines.null`."""

from stages.engines.null import BATCH_INVARIANT, Config, Null, identity, licence, models
from stages.requests.base import Request
from stages.requests.mos import Rate, Score

__all__ = ["BATCH_INVARIANT", "KIND", "Config", "identity", "licence", "load", "models"]
KIND = "mos"


class Mos(Null):
    def reply(self, request: Request) -> Score:
        if not isinstance(request, Rate):
            raise self.misled(request)
        return Score(4.0)


def load(config: Config) -> Mos:
    return Mos(config)
