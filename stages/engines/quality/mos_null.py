"""MOS without a model: every clip is good. See `voxsmith.stages.engines.null`."""

from voxsmith.stages.engines.null import Config, Null, null_backend
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.mos import Rate, Score


class Mos(Null):
    def reply(self, request: Request) -> Score:
        if not isinstance(request, Rate):
            raise self.misled(request)
        return Score(4.0)


BACKEND = null_backend("mos_null", Config, Mos)
