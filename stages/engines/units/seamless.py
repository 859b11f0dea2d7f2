"""SeamlessM4T's units, as USDM reads and speaks them: XLS-R of 1 billion weights, layer 35, 10,000 centroids, 50 a second.

The model is `xlsr2_1b_v2.pt` (fairseq2) or its transformers folder, the codebook `kmeans_10k.npy`. USDM wants a unit a
frame: the stage then says `merge: false`. An odd last sample gets no company here: the reference pads it with one of
value 2, which goes into the mean of the clip.
"""

from pydantic import Field

from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.units import ssl_units
from voxsmith.stages.engines.units.ssl_units import PACKAGES, SslConfig, SslUnits

NAME = "units_seamless"


class Config(SslConfig):
    """Settings of `units_seamless`."""

    layer: int = Field(35, ge=1, description="whose output the units are of, counted from 1")
    codebook: str = Field(min_length=1, description="kmeans_10k.npy, or hub:org/name/file")
    heads: int = Field(16, ge=1, description="of attention, where the checkpoint doesn't say")


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=lambda config: SslUnits(NAME, config, config.heads),
    identity=lambda config: ssl_units.identity(NAME, config) | {"heads": config.heads},
    models=ssl_units.models,
    licence=lambda config: "CC-BY-NC-4.0",  # of SeamlessM4T's models
    packages=PACKAGES,
    extra="torch",
    own_codebook=True,
)
