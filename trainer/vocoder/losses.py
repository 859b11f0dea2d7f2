"""What a vocoder's network minimises, as sums and counts, so that it doesn't matter how rows were put together."""

from torch import Tensor
from torch.nn import functional as F

from voxsmith.models.mel_network import MelNetwork
from voxsmith.trainer.phases.terms import Term
from voxsmith.trainer.vocoder.data import Sounds

NAMES = ("mel", "durations")


def counts(batch: Sounds) -> dict[str, Tensor]:
    return {"mel": batch.inside.sum() * batch.mel.shape[-1], "durations": batch.said.sum()}


def terms(network: MelNetwork, batch: Sounds) -> dict[str, Term]:
    """`mel`: the L1 distance of log-mel spectrograms, natural logarithm, a bin; `durations`: the squared distance of log(1 + frames),
    a unit.
    """
    predicted = network(batch.unit, batch.since, batch.until, batch.inside).float()
    lasting = network.log_durations(batch.units, batch.said).float()
    apart = F.l1_loss(predicted, batch.mel, reduction="none")[batch.inside]
    wrong = F.mse_loss(lasting, batch.durations.float().log1p(), reduction="none")[batch.said]
    return {"mel": Term(apart.sum()), "durations": Term(wrong.sum())}
