"""What comes while answers are generated. `row` is the answer's place in the batch."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Token:
    """A token was chosen. `text`: what it adds; nothing while a letter takes further tokens, and of one that ends the answer."""

    row: int
    id: int
    text: str


@dataclass(frozen=True)
class Units:
    """Units that a token added, at least one."""

    row: int
    units: list[int]


@dataclass(frozen=True)
class Audio:
    """Speech that goes on where the last one ended: float32 [n], n > 0."""

    row: int
    samples: np.ndarray


@dataclass(frozen=True)
class End:
    """The answer is over. `cut`: it had as many tokens as it may, and no end."""

    row: int
    cut: bool


Event = Token | Units | Audio | End
KINDS: dict[type[Event], str] = {Token: "token", Units: "unit", Audio: "audio"}  # of which the first one is timed
