"""What a recipe of the phase `vocoder` says."""

from typing import Literal

from pydantic import Field, field_validator

from voxsmith.models.mel_form import samples_a_frame
from voxsmith.schemas.paths import FilePath
from voxsmith.schemas.recipe import Name
from voxsmith.schemas.strict import Strict
from voxsmith.trainer.recipe import Schedule


class Clips(Strict):
    """Answers of an exported corpus."""

    path: FilePath = Field(description="folder that `voxsmith export` names")
    split: str | None = Field(None, description="of an export with splits; without: its first")


class Network(Strict):
    """From units to a mel spectrogram."""

    width: int = Field(256, ge=8, multiple_of=2)
    blocks: int = Field(3, ge=1, description="of two convolutions each")
    kernel: int = Field(
        5,
        ge=1,
        description="mel frames that a convolution looks at, an odd number; 1, 2, 4, … apart from block to block",
    )
    dropout: float = Field(0.0, ge=0, lt=1)
    lr: float = Field(1e-3, gt=0, description="learning rate")

    @field_validator("kernel")
    @classmethod
    def _odd(cls, kernel: int) -> int:
        if kernel % 2 == 0:
            raise ValueError("take an odd number")
        return kernel


class VocoderRun(Strict):
    """What is written on the way."""

    save_every: int = Field(500, ge=1, description="steps between two checkpoints")
    keep: int = Field(2, ge=1, description="latest checkpoints that stay")
    validate_every: int = Field(500, ge=1, description="steps between two looks at the validation rows")
    validate_rows: int = Field(64, ge=0, description="rows of the validation sets, at most")
    workers: int = Field(1, ge=0, description="processes that read rows")
    precision: Literal["bf16", "float32"] = "bf16"


class VocoderRecipe(Strict):
    """A recipe file whose phase is `vocoder`."""

    name: Name = Field(description="of the run: its folder in `out`")
    phase: Literal["vocoder"]
    seed: int = Field(0, ge=0, description="of every draw")
    out: str = Field("runs", description="folder of runs")
    data: list[Clips] = Field(min_length=1)
    validation: list[Clips] = Field(default_factory=list)
    units: int = Field(200, ge=2, description="how many units there are")
    frame_rate: float = Field(50.0, gt=0, description="frames a second that durations count")
    network: Network = Network()
    generator: str = Field(
        "hifigan-v1", description="from mel to speech: folder or name of the catalogue of a HiFi-GAN, or griffin_lim"
    )
    schedule: Schedule
    run: VocoderRun = VocoderRun()

    @field_validator("frame_rate")
    @classmethod
    def _whole(cls, frame_rate: float) -> float:
        samples_a_frame(frame_rate)
        return frame_rate
