"""SeamlessM4T's units, as USDM reads and speaks them: XLS-R of 1 billion weights, layer 35, 10,000 centroids, 50 a second.

The model is `xlsr2_1b_v2.pt` (fairseq2) or its transformers folder, the codebook `kmeans_10k.npy`. USDM wants a unit a
frame: the stage then says `merge: false`. An odd last sample gets no company here: the reference pads it with one of
value 2, which goes into the mean of the clip.
"""

from typing import Any

from pydantic import Field

from models.loading import loading
from stages.engines.units import ssl_units
from stages.engines.units.ssl_units import BATCH_INVARIANT, SslConfig, SslUnits, models

__all__ = [
    "BATCH_INVARIANT",
    "KIND",
    "LICENCE",
    "Config",
    "has_codebook",
    "identity",
    "licence",
    "load",
    "models",
    "trouble",
]
KIND = "encoder"
BACKEND = "units_seamless"
LICENCE = "CC-BY-NC-4.0"  # of SeamlessM4T's models


class Config(SslConfig):
    """Settings of `units_seamless`."""

    layer: int = Field(35, ge=1, description="whose output the units are of, counted from 1")
    codebook: str = Field(min_length=1, description="kmeans_10k.npy, or hub:org/name/file")
    heads: int = Field(16, ge=1, description="of attention, where the checkpoint doesn't say")


def identity(config: Config) -> dict[str, Any]:
    return ssl_units.identity(BACKEND, config) | {"heads": config.heads}


def has_codebook(config: Config) -> bool:
    return True


def licence(config: Config) -> str:
    return LICENCE


def trouble(config: Config) -> str:
    return ssl_units.trouble(BACKEND, config)


def load(config: Config) -> SslUnits:
    """Raises ModelMissing."""
    with loading(BACKEND, config.model, "units"):
        return SslUnits(BACKEND, config, config.heads)
