"""What a backend is: the code that loads one kind of model, as one value that the registry hands out.

    BACKEND = Backend(name="asr_mine", config=Config, load=Mine, packages=("torch",))

is a whole backend. All else has a default that follows from these.
"""

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any, Generic, TypeVar

from voxsmith.models import references
from voxsmith.models.loading import loading, one_line
from voxsmith.models.optional import lacking, require, versions
from voxsmith.models.out_of_memory import out_of_memory
from voxsmith.stages.engines.base import Batching, Engine, EngineConfig

C = TypeVar("C", bound=EngineConfig)
_DERIVED: Any = None  # the default of a field that follows from other fields
_FREED_WITHIN = 60.0  # seconds within which the GPU memory of a process that was killed is free again
_PAUSE = 5.0  # seconds between two attempts to load into that memory
log = logging.getLogger(__name__)


def _model(config: EngineConfig) -> str:
    """The setting `model`; "" for a backend without one."""
    return str(getattr(config, "model", ""))


@dataclass(frozen=True, kw_only=True)
class Backend(Generic[C]):
    """A backend. Each field that is a function takes the engine's settings, an instance of `config`.

    `name`: as recipes write it, say "tts_kokoro".
    `kind`: what stages ask for ("llm", "tts", "asr", "mos", "speaker", "units", "vocoder", "clips", "teacher", or one of
    your own). It is the name's start, up to the first underscore; but `unit_vocoder` is of kind "vocoder", `clip_reader`
    of "clips".
    `also`: further kinds that it serves: an LLM may be a teacher, too.
    `config`: the class of its settings, the keys that stand beside `backend` in a recipe.
    `load`: gives the loaded model, and is mostly the engine's class. Whatever it raises reaches callers as
    ModelMissing, in one line that names the backend and the model. Importing the backend's module loads nothing.
    `identity`: all that replies depend on, as plain JSON. It is part of cache keys, so it loads nothing and is quick.
    Raises ModelMissing where a model's name is wrong. Default: `name`, versions of `packages`, and the setting `model`.
    `models`: what it needs on the machine, as `voxsmith.models.references` names it. Default: the setting `model`, if it has one.
    `licence`: the terms of what the model makes. Default: the licences of its `models`, joined by AND.
    `batch_invariant`: whether a reply is the same whatever else is asked at the same time. Default: not promised.
    `packages`: distributions that its interpreter must have, all of them; `extra`: that of `voxsmith` which brings them.
    `trouble`: what stands in the way of loading it, "" where nothing is known to. It is quick, and loads nothing. The
    `packages` are looked for first, in the engine's interpreter.
    `voices`: each voice, with the digest of the clip that it is cloned from ("": none); None where nobody knows its
    voices before it is loaded. Raises ModelMissing where a voice bank can't be read.
    `voice_licences`: the terms of the clips that voices are cloned from.
    `own_codebook`: whether it turns clips into units with a codebook of its own; `only_own_codebook`: and with no other.
    """

    name: str
    config: type[C]
    load: Callable[[C], Engine]
    identity: Callable[[C], dict[str, Any]] = _DERIVED
    kind: str = _DERIVED
    also: tuple[str, ...] = ()
    models: Callable[[C], tuple[str, ...]] = lambda config: (model,) if (model := _model(config)) else ()
    licence: Callable[[C], str] = _DERIVED
    batch_invariant: bool | Callable[[C], bool] = False
    packages: tuple[str, ...] = ()
    extra: str = ""
    trouble: Callable[[C], str] = lambda config: ""
    voices: Callable[[C], dict[str, str] | None] = lambda config: None
    voice_licences: Callable[[C], dict[str, str]] = lambda config: {}
    own_codebook: bool | Callable[[C], bool] = False
    only_own_codebook: bool = False

    def __post_init__(self) -> None:
        derive = partial(object.__setattr__, self)
        derive("load", self._told_in_a_line(self.load))
        if self.identity is None:
            derive("identity", self._identity)
        if self.kind is None:
            derive("kind", self.name.partition("_")[0])
        if self.licence is None:
            derive("licence", lambda config: references.licences(self.models(config)) or "unknown")
        derive("trouble", self._packages_first(self.trouble))

    def _identity(self, config: C) -> dict[str, Any]:
        parts = {"backend": self.name, "version": versions(config.resources.python, *self.packages)}
        return parts | {"model": references.identity(model)} if (model := _model(config)) else parts

    def _told_in_a_line(self, load: Callable[[C], Engine]) -> Callable[[C], Engine]:
        @wraps(load, updated=())
        def guarded(config: C) -> Engine:
            with loading(self.name, _model(config) or "its model", self.extra):
                require(self.name, self.extra, *self.packages)
                engine = load(config)
            if isinstance(engine, Batching):
                engine.name = self.name
            return engine

        return guarded

    def _packages_first(self, trouble: Callable[[C], str]) -> Callable[[C], str]:
        def checked(config: C) -> str:
            try:
                return lacking(self.name, self.extra, config.resources.python, *self.packages) or trouble(config)
            except Exception as error:  # whatever a backend's own look at the world raises is what is wrong
                return f"{self.name}: {one_line(error)}"

        return checked

    @property
    def about(self) -> str:
        """What it is, in a line: the first of the docstring of the module that `load` is from."""
        return ((sys.modules[self.load.__module__].__doc__ or "").strip().splitlines() or [""])[0]

    def is_batch_invariant(self, config: C) -> bool:
        return self.batch_invariant(config) if callable(self.batch_invariant) else self.batch_invariant

    def has_codebook(self, config: C) -> bool:
        return self.own_codebook(config) if callable(self.own_codebook) else self.own_codebook


def loaded(backend: Backend[C], config: C) -> Engine:
    """The engine. Ray gives a GPU to an actor while the memory of its last user is still being freed: that is waited for."""
    end = time.monotonic() + _FREED_WITHIN
    while True:
        try:
            return backend.load(config)
        except Exception as error:
            if not config.resources.num_gpus or not out_of_memory(error) or time.monotonic() > end:
                raise
            log.warning("%s; loading it is tried again", error)
        time.sleep(_PAUSE)
