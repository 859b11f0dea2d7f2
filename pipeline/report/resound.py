"""Units back to speech, so that the report lets people hear what the units kept."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from struct import pack

from voxsmith.models import references
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.report.row_view import Resound
from voxsmith.stages.engines.base import Refused, Unavailable
from voxsmith.stages.registry import backend
from voxsmith.stages.requests.units import Vocode

log = logging.getLogger(__name__)


@contextmanager
def vocoder(model: str) -> Iterator[Resound]:
    """Speech by the unit vocoder `model` while this is on. Raises RecipeError where it can't be loaded.

    It is no engine of the recipe: nothing in the dataset depends on it.
    """
    vocoder_backend = backend("unit_vocoder")
    try:
        engine = vocoder_backend.load(vocoder_backend.config(model=model))
    except references.ModelMissing as error:
        raise RecipeError(f"--vocoder: {error}") from None
    warnings: set[str] = set()  # each is given once

    def resound(units: Sequence[int], durations: Sequence[int]) -> bytes | None:
        asked = Vocode(pack(f"<{len(units)}H", *units), pack(f"<{len(durations)}H", *durations))
        try:
            return bytes(engine.submit(asked).result().flac)
        except (Refused, Unavailable) as error:
            if str(error) not in warnings:
                warnings.add(str(error))
                log.warning("the vocoder: %s", error)
            return None

    try:
        yield resound
    finally:
        engine.close()
