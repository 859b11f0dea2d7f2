"""The golden files of the reference code, and what they were made with."""

import json
from typing import Any

from safetensors import safe_open
from torch import Tensor

from tests.helpers.paths import GOLDEN


def golden(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and metadata of a file, by name."""
    with safe_open(GOLDEN / "llama_omni_ultravox" / f"{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        return tensors, {key: json.loads(value) for key, value in (file.metadata() or {}).items() if value[0] in "{["}


def below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
