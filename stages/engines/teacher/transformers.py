"""Teacher: a Hugging Face folder in transformers. It reads a text that is given, and says which tokens it would have said.

On a GPU requests of like length go together; on a CPU, where that gains nothing, each goes alone, and a reply has no
neighbours to depend on.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from voxsmith.models import references as catalogue
from voxsmith.models.chat import Chat, NoTemplate
from voxsmith.models.llm_folder import llm_folder
from voxsmith.models.loading import reading
from voxsmith.models.optional import versions
from voxsmith.models.references import ModelMissing
from voxsmith.models.teacher_identity import teacher_identity
from voxsmith.models.top_log_probs import TopLogProbs
from voxsmith.models.torch_device import torch_device
from voxsmith.models.torch_weights import check_finite, check_report
from voxsmith.stages.engines.backend import Backend
from voxsmith.stages.engines.base import Batching, EngineConfig, Refused, Unavailable
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.teacher import Read, ReadAnswer

if TYPE_CHECKING:
    import torch

NAME = "teacher_transformers"
_PACKAGES = ("torch", "transformers")


class Config(EngineConfig):
    """Settings of `teacher_transformers`."""

    model: str = Field(
        "smollm2-135m-instruct",
        description="a Hugging Face folder, a GGUF file, a catalogue name, or hub:org/name[@revision]",
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field("float32", description="of the model; a GPU's is bfloat16")


def identity(config: Config) -> dict[str, Any]:
    return {
        "backend": NAME,
        "version": versions(config.resources.python, *_PACKAGES),
        "model": catalogue.identity(config.model),  # its tokenizer and chat template are in the same folder
        "dtype": config.dtype,
    }


class Teacher(Batching):
    def __init__(self, config: Config) -> None:
        """Raises ModelMissing."""
        self.device = torch_device(NAME, config.resources)
        self.model, tokenizer = _loaded(config)
        self.model.to(self.device)
        self.named = catalogue.identity(config.model)
        self.longest = int(getattr(self.model.config, "max_position_embeddings", 0) or 2**31)
        self.chat = lru_cache(maxsize=8)(lambda system, template: Chat(tokenizer, system, template))
        self.identity_of = lru_cache(maxsize=8)(self._identity)
        super().__init__(config.resources.batch if self.device.type == "cuda" else 1)

    def cost(self, request: Request) -> float:
        return float(len(request.transcript) + len(request.answer)) if isinstance(request, ReadAnswer) else 0.0

    def answer(self, requests: list[Request]) -> list[Read]:
        """Raises Refused: `prompt_too_long`, `bad_log_probs`; Unavailable where there is no chat template."""
        asked = [self._asked(request) for request in requests]
        rows = [self._ids(request) for request in asked]
        self.usage["prompt_tokens"] += sum(len(question) + len(answer) for question, answer in rows)
        return [self._read(logits, request) for logits, request in zip(self._logits(rows), asked, strict=True)]

    def _asked(self, request: Request) -> ReadAnswer:
        if not isinstance(request, ReadAnswer):
            raise TypeError(f"{NAME} is asked a {type(request).__name__}")
        return request

    def _ids(self, request: ReadAnswer) -> tuple[list[int], list[int]]:
        try:
            chat = self.chat(request.system, request.template)
        except NoTemplate as error:
            raise Unavailable(f"{NAME}: {error}") from None
        question, answer = list(chat.read(request.request, request.transcript)), list(chat.answer(request.answer))
        if len(question) + len(answer) > self.longest:
            raise Refused(
                "prompt_too_long",
                f"transcript and answer have {len(question) + len(answer)} tokens; the model reads {self.longest}",
            )
        return question, answer

    def _logits(self, rows: list[tuple[list[int], list[int]]]) -> "list[torch.Tensor]":
        """Of each row those that predict the answer's tokens, float32 [n, V]. Padding stands behind, where no causal model looks."""
        import torch

        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(q + a) for q, a in rows], batch_first=True)
        spans = [(len(question) - 1, len(question) + len(answer) - 1) for question, answer in rows]
        first, last = min(start for start, _ in spans), max(end for _, end in spans)
        with torch.inference_mode():
            kept = torch.arange(first, last, device=self.device)
            logits = self.model(input_ids=ids.to(self.device), logits_to_keep=kept, use_cache=False).logits
        return [one[start - first : end - first].float() for one, (start, end) in zip(logits, spans, strict=True)]

    def _read(self, logits: "torch.Tensor", request: ReadAnswer) -> Read:
        import torch

        if not logits.isfinite().all():
            raise Refused("bad_log_probs", "the model gives logits that aren't finite numbers")
        with torch.inference_mode():
            log_probs = logits.log_softmax(-1)
            top = log_probs.topk(min(request.top, log_probs.shape[-1]), -1)
            others = log_probs.scatter(-1, top.indices, -torch.inf)
            rest = torch.stack([others.logsumexp(-1), (others / request.temperature).logsumexp(-1)], -1)
            ids, values, rest = (np.asarray(part.cpu()) for part in (top.indices, top.values, rest))
        of = self.identity_of(request.system, request.template, request.request, request.temperature)
        return Read(TopLogProbs.of(ids, values, rest), of)

    def _identity(self, system: str, template: Any, request: str, temperature: float) -> str:
        return str(teacher_identity(self.named, self.chat(system, template), request, temperature))


def _loaded(config: Config) -> tuple[Any, Any]:
    """Model and tokenizer. Raises ModelMissing."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    folder = llm_folder(config.model)
    with reading(folder, "can't be loaded"):
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            output_loading_info=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype=config.dtype,
            ignore_mismatched_sizes=True,
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    tied = "lm_head.weight" if getattr(model.config, "tie_word_embeddings", False) else ""
    check_report(folder, report, tied)
    check_finite(folder, model)
    words, rows = max(tokenizer.get_vocab().values(), default=0), model.get_input_embeddings().weight.shape[0]
    if words >= rows:
        raise ModelMissing(f"{folder}: its tokenizer goes up to {words}, the model to {rows - 1}: another model's")
    return model.eval(), tokenizer


BACKEND = Backend(
    name=NAME,
    config=Config,
    load=Teacher,
    identity=identity,
    batch_invariant=lambda config: not config.resources.num_gpus,
    packages=_PACKAGES,
    extra="torch",
)
