"""What an engine's actors may take of a machine, as a recipe states it."""

from pydantic import Field

from voxsmith.schemas.paths import FilePath
from voxsmith.schemas.strict import Strict


class Resources(Strict):
    """Machine settings. They are in no key: changing one makes nothing stale."""

    replicas: int = Field(1, ge=1, description="actors at most")
    num_cpus: float = Field(1, ge=0, description="of Ray's CPUs, an actor")
    num_gpus: float = Field(0, ge=0, description="of Ray's GPUs, an actor")
    threads: int = Field(1, ge=1, description="of the engine's own thread pool")
    batch: int = Field(8, ge=1, description="requests that are worked on together at most")
    patience: float = Field(1800, gt=0, description="seconds without a reply, after which an actor is taken for hung")
    python: FilePath = Field(
        "", description="interpreter of the engine's actors, where its packages clash with others'; '' is this one"
    )

    @property
    def at_once(self) -> int | None:
        """Requests that the engine should have at a time, where that is more than two tasks make."""
        return None
