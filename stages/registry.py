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
    "llm_llamacpp": "stages.engines.llm_llamacpp",
    "llm_openai": "stages.engines.llm_openai",
    "llm_vllm": "stages.engines.llm_vllm",
    "tts_kokoro": "stages.engines.tts_kokoro",
    "tts_vits": "stages.engines.tts_vits",
    "tts_cosyvoice": "stages.engines.tts_cosyvoice",
    "tts_openai": "stages.engines.tts_openai",
    "asr_whisper": "stages.engines.asr_whisper",
    "mos_dnsmos": "stages.engines.mos_dnsmos",
    "mos_utmos": "stages.engines.mos_utmos",
    "speaker_resemblyzer": "stages.engines.speaker_resemblyzer",
    "units_encoder": "stages.engines.units_encoder",
    "units_hubert": "stages.engines.units_hubert",
    "units_seamless": "stages.engines.units_seamless",
    "units_s3": "stages.engines.units_s3",
    "units_glm4voice": "stages.engines.units_glm4voice",
    "unit_vocoder": "stages.engines.unit_vocoder",
    "llm_null": "stages.engines.llm_null",
    "tts_null": "stages.engines.tts_null",
    "asr_null": "stages.engines.asr_null",
    "mos_null": "stages.engines.mos_null",
    "units_null": "stages.engines.units_null",
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
    stages.engines.models names it needs), load(config) -> Engine; TTS backends also have VOICES, or
    voices(config): each voice with the digest of the clip it is cloned from, and voice_licences(config). licence(config)
    is the terms of what the model makes, of several models joined by AND; BATCH_INVARIANT, whether a reply is the same
    whatever is asked beside it; where that hangs on the settings, batch_invariant(config) tells it.
    """
    return import_module(BACKENDS[name])
