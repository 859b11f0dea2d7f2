"""vLLM's engine, kept alive: started, asked, and started again with a smaller batch where it died.

vLLM runs in a process of its own below the actor's. Why that process failed it only prints, so what it prints is kept in
a file, in which the reason is looked for.
"""

import asyncio
import itertools
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxsmith.models import references as catalogue
from voxsmith.models.loading import reading
from voxsmith.models.reaper import watch
from voxsmith.models.references import ModelMissing
from voxsmith.schemas.columns import TOP
from voxsmith.stages.engines.base import EngineLost, Unavailable

if TYPE_CHECKING:
    from voxsmith.stages.engines.llm.vllm_config import Config

INSTALL = (
    "vLLM isn't installed in the engine's interpreter: pip install 'voxsmith[vllm]' there, or name one that has it, "
    "say --set engines.llm.resources.python=.venv-vllm/bin/python; on a machine without a GPU: make .venv-vllm/.installed"
)
SMALLER = 4  # a batch that was too much is divided by this
_NO_ROOM = re.compile(r"out of memory|no available memory|OutOfMemory|can't allocate memory|bad_alloc", re.I)
_ERROR = re.compile(r"^(?:\(.*?\)\s*)?(?:[A-Z]+ [\d: \-]*\[.*?\] )?((?:[\w.]+\.)?\w*(?:Error|Exception)): (.+)$")
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
_SEEN = 400_000  # bytes of what the process printed that are looked through, from the end

log = logging.getLogger(__name__)


class Core:
    """A running vLLM engine. All its methods run in one event loop."""

    def __init__(self, config: "Config") -> None:
        self.config, self.batch = config, config.resources.batch
        self.folder = Path(catalogue.resolve(config.model))
        self.tokeniser: Any = None
        self.engine: Any = None
        self._printed = tempfile.NamedTemporaryFile("a+b", prefix="voxsmith-vllm-", suffix=".log")  # noqa: SIM115
        self._names = itertools.count()
        self._adapter: Any = None
        self._watcher = watch()
        self._mending = asyncio.Lock()
        self._entered = asyncio.Semaphore(self._places())
        self._inside: set[str] = set()  # requests that the engine works on, those that it died with among them
        self._lost = ""  # why it can't be started again

    @classmethod
    async def start(cls, config: "Config") -> "Core":
        """Raises ModelMissing with the reason, where no batch is small enough either."""
        set_environment(config)
        try:
            import vllm  # noqa: F401
        except ImportError as error:
            raise ModelMissing(INSTALL if error.name == "vllm" else f"{INSTALL} ({error})") from None
        core = cls(config)
        try:
            check_shards(core.folder)
            core._load_tokeniser()
            core._load_adapter()
            core._start()
            core._entered = asyncio.Semaphore(core._places())  # the batch may have come out smaller
        except ModelMissing:
            core.close()
            raise
        return core

    async def ask(self, tokens: list[int], sampling: Any) -> Any:
        """vLLM's RequestOutput. Raises Unavailable where the request's settings are wrong, EngineLost where the engine can't be
        started again, RuntimeError where this request kills it even alone.
        """
        from vllm.exceptions import VLLMClientError
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        while True:
            entered = self._entered
            async with entered:
                if entered is not self._entered:
                    continue  # whoever waited while the engine was started again would come in beside the new places
                engine, inside = self.engine, self._inside
                alone, dead = False, bool(engine.errored)
                try:
                    if not dead:
                        return await self._one(engine, inside, tokens, sampling)
                except (VLLMClientError, ValueError) as error:
                    raise Unavailable(f"vLLM doesn't take such requests: {error}") from None
                except (EngineDeadError, EngineGenerateError) as error:
                    if isinstance(error, EngineGenerateError) and not engine.errored:
                        raise Unavailable(f"vLLM: {error.__cause__ or error}") from None
                    alone = self.batch == 1 and len(inside) <= 1
            await self._mend(engine)
            if alone:
                raise RuntimeError(f"it kills vLLM, even alone: {self._reason()}")

    def close(self) -> None:
        if self.engine is not None:
            self.engine.shutdown(timeout=5)
            self.engine = None
        if self._watcher.stdin:
            self._watcher.stdin.close()
        self._watcher.wait(30)
        self._printed.close()

    def _places(self) -> int:
        """Requests that may be inside: with a batch of 1 one alone, so that it is known which one kills the engine."""
        return 2 * self.batch if self.batch > 1 else 1

    async def _one(self, engine: Any, inside: set[str], tokens: list[int], sampling: Any) -> Any:
        last, name = None, f"r{next(self._names)}"
        inside.add(name)
        try:
            async for output in engine.generate(
                {"type": "token", "prompt_token_ids": tokens}, sampling, name, lora_request=self._adapter
            ):
                last = output
        finally:
            if not engine.errored:
                inside.discard(name)
        return last

    async def _mend(self, dead: Any) -> None:
        """Start the engine again, once for all that it let down, with a smaller batch."""
        async with self._mending:
            if self.engine is not dead:
                return
            if self._lost:  # each try takes minutes, and hundreds wait here
                raise EngineLost(self._lost)
            dead.shutdown(timeout=5)
            reason, before = self._reason(), self.batch
            # At a batch of 1 the request that killed it is known, and goes; the others needn't stay alone.
            self.batch = max(1, before // SMALLER) if before > 1 else max(1, self.config.resources.batch // SMALLER)
            log.warning("vLLM died (%s); it is started again with a batch of %d, not %d", reason, self.batch, before)
            try:
                self._start()
            except ModelMissing as error:
                self.engine, self._lost = dead, f"vLLM died, and can't be started again: {error}"
                raise EngineLost(self._lost) from None
            self._entered, self._inside = asyncio.Semaphore(self.batch), set()  # of the batch that could be started

    # -- starting -----------------------------------------------------------------------------------------------------

    def _load_tokeniser(self) -> None:
        from transformers import AutoTokenizer

        try:
            self.tokeniser = AutoTokenizer.from_pretrained(self.folder)
        except Exception as error:  # of many kinds, with long texts
            raise ModelMissing(f"{self.config.model}: its tokenizer can't be read: {_first_line(error)}") from None

    def _load_adapter(self) -> None:
        from vllm.lora.request import LoRARequest

        if self.config.adapter:
            self._adapter = LoRARequest("adapter", 1, str(catalogue.resolve(self.config.adapter)))

    def _start(self) -> None:
        from vllm import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        while True:
            try:
                with self._keeping_what_it_prints():
                    arguments = AsyncEngineArgs(**arguments_of(self.config, self.batch))
                    self.engine = AsyncLLM.from_engine_args(arguments)
                return
            except ModelMissing:
                raise
            except Exception as error:
                reason = self._reason() if "root cause" in str(error) else _first_line(error)
                if not _NO_ROOM.search(reason) or self.batch == 1:
                    raise ModelMissing(f"vLLM can't load {self.config.model}: {reason}") from None
                smaller = max(1, self.batch // SMALLER)
                log.warning("vLLM ran out of memory with a batch of %d: %s; %d is tried", self.batch, reason, smaller)
                self.batch = smaller

    # -- why it failed ------------------------------------------------------------------------------------------------

    @contextmanager
    def _keeping_what_it_prints(self) -> Iterator[None]:
        """What this process and those that it starts write to the error stream goes to the file meanwhile; theirs,
        always.
        """
        sys.stderr.flush()
        before = os.dup(2)
        os.dup2(self._printed.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)

    def _reason(self) -> str:
        """The first error of the last that the process printed, in a line."""
        with open(self._printed.name, "rb") as file:
            file.seek(max(0, os.path.getsize(self._printed.name) - _SEEN))
            lines = file.read().decode(errors="replace").splitlines()
        matches = [match for line in lines if (match := _ERROR.match(line.strip()))]
        errors = [f"{match[1].rpartition('.')[2]}: {match[2]}" for match in matches if "root cause" not in match[2]]
        return (errors[-1] if errors else "it gave no reason")[:500]


def check_shards(folder: Path) -> None:
    """Raises ModelMissing where a checkpoint in several files isn't whole: vLLM doesn't notice when a matrix of a layer is
    missing (its own check leaves linear layers out), and goes on with what is in memory.
    """
    from safetensors import safe_open

    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    with reading(index, "can't be read"):
        file_of: dict[str, str] = json.loads(index.read_bytes())["weight_map"]
        names = sorted(set(file_of.values()))
    for name in names:
        if not (folder / name).is_file():
            raise ModelMissing(f"{folder}: it lacks {name}; was it fetched whole?")
        with reading(folder / name, "broken, or no safetensors"), safe_open(folder / name, "np") as file:
            there = set(file.keys())
        if lacking := sorted(weight for weight, place in file_of.items() if place == name and weight not in there):
            raise ModelMissing(
                f"{folder / name}: it lacks {lacking[0]} and {len(lacking) - 1} more that {index.name} lists"
            )


def arguments_of(config: "Config", batch: int) -> dict[str, Any]:
    """What vLLM's engines are made with. Raises ModelMissing where the adapter's folder holds none."""
    machine = config.resources
    given: dict[str, Any] = {}
    if config.adapter:
        given |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": _rank(catalogue.resolve(config.adapter))}
    if config.quantization:
        given["quantization"] = config.quantization
    # A prompt that is prefilled in chunks has to rewind its random generator, which fails on the CPU: vLLM dies.
    if not machine.num_gpus:
        given["enable_chunked_prefill"] = False
    if machine.kv_cache_gib or not machine.num_gpus:
        given["kv_cache_memory_bytes"] = int((machine.kv_cache_gib or 1) * 2**30)
    return given | {
        "model": str(catalogue.resolve(config.model)),
        "dtype": config.dtype,
        "max_model_len": config.context,
        "max_num_seqs": batch,
        "max_logprobs": max(TOP, config.teacher),
        "tensor_parallel_size": machine.tensor_parallel,
        # Not Ray, which vLLM would take inside an actor: its workers would wait for GPUs that this actor holds.
        "distributed_executor_backend": "mp" if machine.tensor_parallel > 1 else "uni",
        "gpu_memory_utilization": machine.gpu_memory,
        "enforce_eager": machine.eager,
        "enable_prefix_caching": True,
        # Without white space between its parts a small model can't fill a JSON reply with it.
        "structured_outputs_config": {"backend": "guidance", "disable_any_whitespace": True},
        "disable_log_stats": True,
    }


def set_environment(config: "Config") -> None:
    """Some settings of vLLM are environment variables alone. What the user has set stays."""
    wanted = {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_LOGGING_LEVEL": "WARNING",
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # an actor has threads, which a fork would cut off
        "PYTHONSAFEPATH": "1",  # else its processes would look for modules first in the folder where the run was started
        "VLLM_HOST_IP": "127.0.0.1",
        # It can't draw by a request's own seed, so it draws nothing of ours; but at the start it is tried out, which
        # compiles it, and fails on a machine without nvcc.
        "VLLM_USE_FLASHINFER_SAMPLER": "0",
        "TOKENIZERS_PARALLELISM": "false",
    }
    if not config.resources.num_gpus:
        wanted["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"  # several actors would be bound to the same cores
        os.environ["OMP_NUM_THREADS"] = str(config.resources.threads)  # Ray has set it already
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    if config.batch_invariant:
        os.environ["VLLM_BATCH_INVARIANT"] = "1"


def _rank(adapter: Path) -> int:
    """The least rank of those that vLLM makes room for which the adapter's, as its own settings tell, fits in.

    Raises ModelMissing where the folder holds no adapter, or too large a one.
    """
    try:
        rank = int(json.loads((adapter / "adapter_config.json").read_bytes())["r"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ModelMissing(f"{adapter} holds no LoRA adapter: {_first_line(error)}") from None
    if rank > max(_RANKS):
        raise ModelMissing(f"{adapter}: vLLM takes adapters of rank {max(_RANKS)} at most; this one's is {rank}")
    return min(one for one in _RANKS if one >= rank)


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:3])}"[:500]
