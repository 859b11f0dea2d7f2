"""Units that last so many frames, to a log-mel spectrogram; and how long units last where nobody says."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_PLACES = 3  # numbers that say where in its unit a mel frame is


class MelNetwork(nn.Module):
    """Convolutions over mel frames, each of which knows the unit that it is in, and where in it. Nothing behind a row's end is
    seen: a row gives in a batch what it gives alone.
    """

    def __init__(self, units: int, bins: int, width: int, blocks: int, kernel: int, dropout: float = 0.0) -> None:
        """`kernel`: frames that a convolution looks at, an odd number; there are two in a block."""
        super().__init__()
        self.trained: set[str] = set()  # of a checkpoint: all of it is kept anyway
        self.embedding = nn.Embedding(units, width)
        self.place = nn.Linear(_PLACES, width)
        self.blocks = nn.ModuleList(_Block(width, kernel, 2**number, dropout) for number in range(blocks))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, bins)
        nn.init.constant_(self.out.bias, -5.0)  # about the mean of speech
        self.durations = DurationPredictor(width)

    @property
    def reach(self) -> int:
        """Mel frames to either side that a frame depends on."""
        return sum(block.reach for block in self.blocks)

    def forward(self, units: Tensor, since: Tensor, until: Tensor, inside: Tensor) -> Tensor:
        """float32 [B, M, bins]. `units`: int64 [B, M], of each mel frame; `since`, `until`: float32 [B, M], unit frames since its unit
        began, and until it ends; `inside`: bool [B, M], what is before a row's end.
        """
        kept = inside[..., None].float()
        places = torch.stack((since.log1p(), until.log1p(), since / (since + until).clamp(min=1e-3)), -1)
        hidden = (self.embedding(units) + self.place(places)) * kept
        for block in self.blocks:
            hidden = block(hidden, kept)
        made: Tensor = self.out(self.norm(hidden))
        return made

    def log_durations(self, units: Tensor, inside: Tensor) -> Tensor:
        """float32 [B, U]: log(1 + frames) of units int64 [B, U], `inside`: bool [B, U], what is before a row's end."""
        made: Tensor = self.durations(self.embedding(units), inside[..., None].float())
        return made


class _Block(nn.Module):
    """Two convolutions over every `apart`-th frame, added to what went in."""

    def __init__(self, width: int, kernel: int, apart: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        padding = kernel // 2 * apart
        self.first = nn.Conv1d(width, width, kernel, padding=padding, dilation=apart)
        self.second = nn.Conv1d(width, width, kernel, padding=padding, dilation=apart)
        self.dropout = nn.Dropout(dropout)
        self.reach = 2 * padding

    def forward(self, hidden: Tensor, kept: Tensor) -> Tensor:
        made = F.gelu(self.first((self.norm(hidden) * kept).transpose(1, 2)))
        made = self.second(made * kept.transpose(1, 2)).transpose(1, 2)
        added: Tensor = (hidden + self.dropout(made)) * kept
        return added


class DurationPredictor(nn.Module):
    """From each unit and its two neighbours on either side, as FastSpeech 2 predicts durations (Ren et al. 2020, arXiv:2006.04558)."""

    reach = 2

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv1d(width, width // 2, 3, padding=1)
        self.first_norm = nn.LayerNorm(width // 2)
        self.second = nn.Conv1d(width // 2, width // 2, 3, padding=1)
        self.second_norm = nn.LayerNorm(width // 2)
        self.out = nn.Linear(width // 2, 1)

    def forward(self, embedded: Tensor, kept: Tensor) -> Tensor:
        hidden = F.relu(self.first((embedded * kept).transpose(1, 2)).transpose(1, 2))
        hidden = self.first_norm(hidden) * kept
        hidden = F.relu(self.second(hidden.transpose(1, 2)).transpose(1, 2))
        made: Tensor = self.out(self.second_norm(hidden))[..., 0]
        return made


def spread(lasting: Tensor, hop: float, offset: float, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """For each of so many mel frames the number of its unit, int64 [M], and unit frames since that began and until it ends, float32
    [M]. `lasting`: int64 [n], frames of each unit; `hop`: unit frames a mel frame; `offset`: unit frames at the start of the first
    mel frame. What is before the first unit or behind the last counts as their edge.
    """
    ends = lasting.cumsum(0)
    centres = offset + hop * (torch.arange(frames, dtype=torch.float64, device=lasting.device) + 0.5)
    centres = centres.clamp(min=0.0, max=float(ends[-1]) - 1e-6)
    number = torch.searchsorted(ends.double(), centres, right=True)
    until = ends[number] - centres
    return number, (lasting[number] - until).float(), until.float()
