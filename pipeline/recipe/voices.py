"""Voices that engines have, and what a voice bank's clips bring with them: a digest and a licence each."""

from typing import TYPE_CHECKING, Any

from voxsmith.models import references
from voxsmith.pipeline.recipe.licences import strictest
from voxsmith.schemas.names import nearest

if TYPE_CHECKING:
    from voxsmith.pipeline.recipe.nodes import Engine, Graph

ALL = "*"  # stands for every voice that the engine has


def with_voices(
    settings: dict[str, Any], fields: Any, engine: "Engine | None", where: str
) -> tuple[dict[str, Any], str]:
    """A stage's settings with its voices written out and their digests, and what is wrong with them ("": nothing)."""
    if engine is None or "references" not in fields or ("voices" in fields and "voices" not in settings):
        return settings, ""
    try:
        known = engine.backend.voices(engine.config)
    except references.ModelMissing as error:
        return settings, f"{where}: its voices: {error}"
    asked = settings.get("voices", ALL) if "voices" in fields else ALL
    every = asked in (ALL, [ALL], (ALL,))
    if "voices" in fields and every:
        if not known:
            return settings, f"{where}.voices: '{ALL}': nobody knows which voices {engine.name} has; name them"
        settings = settings | {"voices": sorted(known)}
    if known is None or not (every or isinstance(asked, list | tuple)):
        return settings, ""
    if strange := [] if every else [voice for voice in asked if not isinstance(voice, str) or voice not in known]:
        named = ", ".join(f"'{voice}'" for voice in strange)
        return settings, f"{where}.voices: no voice {named} in {engine.name}; {nearest(str(strange[0]), known)}"
    chosen = known if every else asked
    return settings | {"references": {voice: known[voice] for voice in sorted(chosen) if known[voice]}}, ""


def voice_licences(graph: "Graph") -> dict[str, str]:
    """Terms of each voice that a stage may speak in and that is cloned from a clip."""
    licences: dict[str, str] = {}
    for node in graph.nodes.values():
        engine = graph.engines.get(node.engine or "")
        chosen = getattr(node.config, "voices", ())
        if engine is None or not chosen:
            continue
        for voice, licence in engine.backend.voice_licences(engine.config).items():
            if voice in chosen:
                licences[voice] = strictest([licence, licences.get(voice, licence)])
    return licences
