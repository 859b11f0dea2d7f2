"""Every stage and every engine backend by the name that a recipe uses. A registry is a dict.

Backend modules import their libraries only when they load a model, so that reading a recipe stays quick and needs none
of them.
"""

from functools import cache
from importlib import import_module
from types import ModuleType

from stages.stage import Stage

STAGES: dict[str, str] = {
    "rewrite": "stages.rewrite",
    "respond": "stages.respond",
    "converse": "stages.converse",
    "normalise": "stages.normalise",
    "speak": "stages.speak",
    "listen": "stages.listen",
    "rate": "stages.rate",
    "pick": "stages.pick",
    "recognise": "stages.recognise",
    "fit_units": "stages.fit_units",
    "units": "stages.units",
}

BACKENDS: dict[str, str] = {
    "llm_llamacpp": "stages.engines.llm.llamacpp",
    "llm_openai": "stages.engines.llm.openai",
    "llm_vllm": "stages.engines.llm.vllm",
    "tts_kokoro": "stages.engines.tts.kokoro",
    "tts_vits": "stages.engines.tts.vits",
    "tts_cosyvoice": "stages.engines.tts.cosyvoice",
    "tts_openai": "stages.engines.tts.openai",
    "asr_whisper": "stages.engines.asr.whisper",
    "mos_dnsmos": "stages.engines.quality.mos_dnsmos",
    "mos_utmos": "stages.engines.quality.mos_utmos",
    "speaker_resemblyzer": "stages.engines.quality.speaker_resemblyzer",
    "units_encoder": "stages.engines.units.encoder",
    "units_hubert": "stages.engines.units.hubert",
    "units_seamless": "stages.engines.units.seamless",
    "units_s3": "stages.engines.units.s3",
    "units_glm4voice": "stages.engines.units.glm4voice",
    "unit_vocoder": "stages.engines.units.vocoder",
    "llm_null": "stages.engines.llm.null",
    "tts_null": "stages.engines.tts.null",
    "asr_null": "stages.engines.asr.null",
    "mos_null": "stages.engines.quality.mos_null",
    "units_null": "stages.engines.units.null",
}


@cache
def stage(name: str) -> Stage:
    """The stage registered as `name`: its module's STAGE. Raises KeyError."""
    found: Stage = import_module(STAGES[name]).STAGE
    return found


def backend(name: str) -> ModuleType:
    """The module of the engine backend `name`. Raises KeyError.

    A backend module has KIND ("llm", "tts", "asr", "mos", "speaker", "encoder", "vocoder"), Config (an EngineConfig),
    identity(config) (what its replies depend on, as plain JSON; loads nothing), models(config) (the
    models.references names it needs), load(config) -> Engine; TTS backends also have VOICES, or
    voices(config): each voice with the digest of the clip it is cloned from, and voice_licences(config). licence(config)
    is the terms of what the model makes, of several models joined by AND; BATCH_INVARIANT, whether a reply is the same
    whatever is asked beside it; where that hangs on the settings, batch_invariant(config) tells it.
    """
    return import_module(BACKENDS[name])
