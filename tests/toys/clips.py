"""The reader of recorded clips, which writes down each clip that it has read."""

from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.recordings import reader
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.tts import Clip


class Config(reader.Config):
    log: str = ""  # a file that gets a line for each clip that was read; in no key


class Counted(reader.Reader):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._log = open(config.log, "a", buffering=1)  # noqa: SIM115 (open as long as the engine is)

    def read(self, request: Request) -> Clip:
        clip = super().read(request)
        self._log.write(f"{request.place}\n")  # type: ignore[attr-defined]
        return clip


BACKEND = Backend(
    name="toy_clips",
    kind="clips",
    config=Config,
    load=Counted,
    identity=lambda config: {"backend": "toys.clips"},
    models=lambda config: (),
    licence=lambda config: "CC0-1.0",
    batch_invariant=True,
)
