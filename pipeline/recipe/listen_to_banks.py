"""Listen to the voice banks of a recipe's engines, before anything is spoken in those voices."""

from dataclasses import asdict, dataclass
from typing import Any

from voxsmith.models import references
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe.nodes import Engine, Graph
from voxsmith.stages.engines import voice_bank
from voxsmith.stages.engines.backend import loaded
from voxsmith.stages.engines.base import Refused, Unavailable


@dataclass(frozen=True)
class Banks:
    """`voices`: by the bank's folder and the voice's name, its measures (`seconds`, `snr` in dB, `wer`, …; none where the
    clip can't be read) and `faults`, the reasons why it is not fit to clone. `transcribed`: whether an ASR engine heard
    the clips; without one `wer` is None.
    """

    voices: dict[str, dict[str, dict[str, Any]]]
    transcribed: bool

    @property
    def fit(self) -> bool:
        """Whether every voice is fit to clone."""
        return not any(voice["faults"] for bank in self.voices.values() for voice in bank.values())


def listen(graph: Graph, path: str) -> Banks:
    """Check each reference clip. Raises RecipeError where the recipe has no bank, or a bank or model is missing."""
    folders = sorted({folder for one in graph.engines.values() if (folder := getattr(one.config, "bank", ""))})
    if not folders:
        raise RecipeError(f"{path}: no engine of it has a voice bank")
    asr = next((one for one in graph.engines.values() if one.backend.kind == "asr"), None)
    try:
        return Banks(_check_banks(folders, asr), asr is not None)
    except (references.ModelMissing, Unavailable) as error:
        raise RecipeError(str(error)) from None


def _check_banks(folders: list[str], asr: Engine | None) -> dict[str, dict[str, dict[str, Any]]]:
    engine = loaded(asr.backend, asr.config) if asr else None
    try:
        return {
            folder: {name: _measures(clip) for name, clip in voice_bank.check_bank(folder, engine).items()}
            for folder in folders
        }
    finally:
        if engine is not None:
            engine.close()


def _measures(clip: voice_bank.Checked | Refused) -> dict[str, Any]:
    if isinstance(clip, Refused):
        return {"faults": [str(clip)]}
    return {**asdict(clip), "faults": list(clip.faults())}
