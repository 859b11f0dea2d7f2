"""Listen to the voice banks of a recipe's engines, before anything is spoken in those voices."""

import json
from dataclasses import asdict
from typing import Any

from models import references
from pipeline.errors import RecipeError
from pipeline.recipe.nodes import Engine, Graph
from stages.engines import voice_bank
from stages.engines.base import Refused, Unavailable


def listen(graph: Graph, path: str, as_json: bool) -> int:
    """Print a line for each reference clip; returns 0 where each is fit to clone, else 1. Raises RecipeError."""
    folders = sorted({folder for one in graph.engines.values() if (folder := getattr(one.config, "bank", ""))})
    if not folders:
        raise RecipeError(f"{path}: no engine of it has a voice bank")
    ears = next((one for one in graph.engines.values() if one.module.KIND == "asr"), None)
    try:
        found = {folder: _heard(folder, ears) for folder in folders}
    except (references.ModelMissing, Unavailable) as error:
        raise RecipeError(str(error)) from None
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _show(found, ears)
    return 1 if any(voice["faults"] for voices in found.values() for voice in voices.values()) else 0


def _heard(folder: str, ears: Engine | None) -> dict[str, dict[str, Any]]:
    asr = ears.module.load(ears.config) if ears else None
    try:
        checked = {}
        for name, reference in voice_bank.read_bank(folder).items():
            try:
                one = voice_bank.check(reference, asr)
                checked[name] = {**asdict(one), "faults": list(one.faults())}
            except Refused as refused:
                checked[name] = {"faults": [str(refused)]}
        return checked
    finally:
        if asr is not None:
            asr.close()


def _show(found: dict[str, dict[str, dict[str, Any]]], ears: Engine | None) -> None:
    for folder, voices in found.items():
        bad = sum(bool(voice["faults"]) for voice in voices.values())
        print(f"{folder}: {len(voices)} voices, {bad} not fit to clone")
        for name, voice in voices.items():
            if "seconds" in voice:
                wer = "" if voice["wer"] is None else f", WER {voice['wer']:.2f}"
                print(f"  {name:<28} {voice['seconds']:5.1f} s, {voice['snr']:3.0f} dB over noise{wer}")
            for fault in voice["faults"]:
                print(f"  {name}: {fault}" if "seconds" not in voice else f"    {fault}")
    if ears is None:
        print("the recipe has no ASR engine: nobody listened to what is said in them")
