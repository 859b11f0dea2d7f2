"""Units of HuBERT, mHuBERT, WavLM, wav2vec 2.0 or XLS-R: a Hugging Face folder, or a checkpoint of fairseq (.pt).

With `codebook` the k-means is one that was fitted elsewhere, mHuBERT's 1,000 units that LLaMA-Omni speaks, say; the
stage then says `codebook: engine`. Without it `fit_units` makes one.
"""

from typing import Any

from models import references as catalogue
from models.loading import loading
from stages.engines.units import ssl_units
from stages.engines.units.ssl_units import BATCH_INVARIANT, SslConfig, SslUnits, models

__all__ = ["BATCH_INVARIANT", "KIND", "Config", "has_codebook", "identity", "licence", "load", "models", "trouble"]
KIND = "encoder"
BACKEND = "units_hubert"


class Config(SslConfig):
    """Settings of `units_hubert`."""


def identity(config: Config) -> dict[str, Any]:
    return ssl_units.identity(BACKEND, config)


def has_codebook(config: Config) -> bool:
    return bool(config.codebook)


def licence(config: Config) -> str:
    return catalogue.licences(models(config))


def trouble(config: Config) -> str:
    return ssl_units.trouble(BACKEND, config)


def load(config: Config) -> SslUnits:
    """Raises ModelMissing."""
    with loading(BACKEND, config.model, "units"):
        return SslUnits(BACKEND, config)
