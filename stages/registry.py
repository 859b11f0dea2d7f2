"""Every stage and every engine backend by the name that a recipe uses: ours, those of installed packages, dotted paths.

A package offers parts by entry points (groups `voxsmith.stages` and `voxsmith.backends`: name = module), and any module
that can be imported is named by its dotted path: `stage: my_package.title`. Such a module has a `STAGE`, or a `BACKEND`.

Backend modules import their libraries only when they load a model, so that reading a recipe stays quick and needs none
of them.
"""

import inspect
import re
import traceback
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from voxsmith.models.search_path import return_to_working_folder
from voxsmith.schemas.names import nearest
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.stage import Stage

STAGES: dict[str, str] = {
    "rewrite": "voxsmith.stages.rewrite",
    "respond": "voxsmith.stages.respond",
    "converse": "voxsmith.stages.converse",
    "judge": "voxsmith.stages.judge",
    "screen": "voxsmith.stages.screen",
    "clean_transcript": "voxsmith.stages.clean_transcript",
    "continue_text": "voxsmith.stages.continue_text",
    "continue_or_answer": "voxsmith.stages.continue_or_answer",
    "translate": "voxsmith.stages.translate",
    "normalise": "voxsmith.stages.normalise",
    "speak": "voxsmith.stages.speak",
    "listen": "voxsmith.stages.listen",
    "rate": "voxsmith.stages.rate",
    "pick": "voxsmith.stages.pick",
    "verify": "voxsmith.stages.verify",
    "recognise": "voxsmith.stages.recognise",
    "decontaminate": "voxsmith.stages.decontaminate",
    "fit_units": "voxsmith.stages.fit_units",
    "units": "voxsmith.stages.units",
    "read_clip": "voxsmith.stages.read_clip",
    "augment": "voxsmith.stages.augment",
    "fit_babble": "voxsmith.stages.fit_babble",
    "teacher": "voxsmith.stages.teacher",
}

BACKENDS: dict[str, str] = {
    "llm_llamacpp": "voxsmith.stages.engines.llm.llamacpp",
    "llm_openai": "voxsmith.stages.engines.llm.openai",
    "llm_vllm": "voxsmith.stages.engines.llm.vllm",
    "teacher_transformers": "voxsmith.stages.engines.teacher.transformers",
    "tts_kokoro": "voxsmith.stages.engines.tts.kokoro",
    "tts_vits": "voxsmith.stages.engines.tts.vits",
    "tts_cosyvoice": "voxsmith.stages.engines.tts.cosyvoice",
    "tts_openai": "voxsmith.stages.engines.tts.openai",
    "asr_whisper": "voxsmith.stages.engines.asr.whisper",
    "asr_parakeet": "voxsmith.stages.engines.asr.parakeet",
    "mos_dnsmos": "voxsmith.stages.engines.quality.mos_dnsmos",
    "mos_utmos": "voxsmith.stages.engines.quality.mos_utmos",
    "speaker_resemblyzer": "voxsmith.stages.engines.quality.speaker_resemblyzer",
    "units_encoder": "voxsmith.stages.engines.units.encoder",
    "units_hubert": "voxsmith.stages.engines.units.hubert",
    "units_seamless": "voxsmith.stages.engines.units.seamless",
    "units_s3": "voxsmith.stages.engines.units.s3",
    "units_glm4voice": "voxsmith.stages.engines.units.glm4voice",
    "unit_vocoder": "voxsmith.stages.engines.units.vocoder",
    "clip_reader": "voxsmith.stages.engines.recordings.reader",
    "augmenter_signal": "voxsmith.stages.engines.augmenter.signal",
    "llm_null": "voxsmith.stages.engines.llm.null",
    "tts_null": "voxsmith.stages.engines.tts.null",
    "asr_null": "voxsmith.stages.engines.asr.null",
    "mos_null": "voxsmith.stages.engines.quality.mos_null",
    "units_null": "voxsmith.stages.engines.units.null",
}


class PartError(Exception):
    """There is no such stage or backend, or its module isn't one; the message says why and what to do."""


def stage_names() -> list[str]:
    """Names of stages that a recipe may use, dotted paths apart."""
    return [*STAGES, *_offered("voxsmith.stages")]


def backend_names() -> list[str]:
    """Names of backends that a recipe may use, dotted paths apart."""
    return [*BACKENDS, *_offered("voxsmith.backends")]


@cache
def stage(name: str) -> Stage:
    """The stage that a recipe names so: its module's STAGE. Raises PartError."""
    module = stage_module(name)
    declared: Any = getattr(_imported("stage", name, module), "STAGE", None)
    if not isinstance(declared, Stage):
        raise PartError(f"{module} has no `STAGE = Stage(…)`, so it is no stage")
    if not inspect.isgeneratorfunction(declared.run):
        raise PartError(
            f"{module}: the function of its STAGE is no generator; a stage that asks no engine has a `yield` after its return"
        )
    return declared


def stage_module(name: str) -> str:
    """The module that the stage is in. Raises PartError."""
    return _module_of("stage", name, STAGES, "voxsmith.stages")


def backend(name: str) -> Backend[Any]:
    """The engine backend that a recipe names so: its module's BACKEND. Raises PartError."""
    module = backend_module(name)
    declared: Any = getattr(_imported("backend", name, module), "BACKEND", None)
    if not isinstance(declared, Backend):
        raise PartError(f"{module} has no `BACKEND = Backend(…)`, so it is no backend")
    return declared


def backend_module(name: str) -> str:
    """The module that the backend is in. Raises PartError."""
    return _module_of("backend", name, BACKENDS, "voxsmith.backends")


def _module_of(kind: str, name: str, ours: dict[str, str], group: str) -> str:
    if name in ours:
        return ours[name]
    if name in _offered(group):
        return _offered(group)[name].module
    if "." in name and all(part.isidentifier() for part in name.split(".")):
        return name
    raise PartError(f"no {kind} '{name}'; {nearest(name, [*ours, *_offered(group)])}")


@cache
def _offered(group: str) -> dict[str, EntryPoint]:
    """What installed packages offer, by name. Names are those that recipes can have: none is a dotted path."""
    return {point.name: point for point in entry_points(group=group) if re.fullmatch(r"[a-z][a-z0-9_]*", point.name)}


def _imported(kind: str, name: str, module: str) -> ModuleType:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module.partition(".")[0] and return_to_working_folder():
            return _imported(kind, name, module)
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            raise PartError(f"no {kind} '{name}': {_missing(error.name)}") from None
        raise PartError(f"the {kind} '{name}' can't be imported: {_where(error)}") from None
    except (Exception, SystemExit) as error:  # whatever a module raises while it is imported
        raise PartError(f"the {kind} '{name}' can't be imported: {_where(error)}") from None


def _missing(module: str) -> str:
    """Advice about a module that isn't there."""
    package, _, _ = module.rpartition(".")
    if not package:
        return f"there is no package '{module}' here: install it, or put the folder that holds it on PYTHONPATH"
    path = getattr(import_module(package), "__path__", None)
    if path is None:
        return f"'{package}' is a module, and has no others in it; name the module itself"
    beside = [f"{package}.{info.name}" for info in iter_modules(path)]
    return f"there is no module '{module}'; {nearest(module, beside)}"


def _where(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):  # its text names the place
        return f"{type(error).__name__}: {text}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text} ({Path(place.filename).name}, line {place.lineno})"
