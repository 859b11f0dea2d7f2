"""Units of HuBERT, mHuBERT, WavLM, wav2vec 2.0 or XLS-R: a Hugging Face folder, or a checkpoint of fairseq (.pt).

With `codebook` the k-means is one that was fitted elsewhere, mHuBERT's 1,000 units that LLaMA-Omni speaks, say; the
stage then says `codebook: engine`. Without it `fit_units` makes one.
"""

from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.units import ssl_units
from voxsmith.stages.engines.units.ssl_units import PACKAGES, SslConfig, SslUnits

NAME = "units_hubert"


class Config(SslConfig):
    """Settings of `units_hubert`."""


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=lambda config: SslUnits(NAME, config),
    identity=lambda config: ssl_units.identity(NAME, config),
    models=ssl_units.models,
    packages=PACKAGES,
    extra="torch",
    own_codebook=lambda config: bool(config.codebook),
)
