"""What a training recipe says."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from voxsmith.models import llama_omni_prompt
from voxsmith.models.chat import Template
from voxsmith.schemas.columns import Of, Own
from voxsmith.schemas.languages import Language
from voxsmith.schemas.paths import FilePath
from voxsmith.schemas.recipe import Name
from voxsmith.schemas.strict import Strict
from voxsmith.schemas.tasks import MARKER, TASKS, TaskName, task
from voxsmith.trainer.data.length import SECONDS

Phase = Literal["answer", "units", "distil"]
Beta = Annotated[float, Field(ge=0, lt=1)]


class Data(Strict):
    """An exported corpus to learn from."""

    path: FilePath = Field(description="folder that `voxsmith export` names")
    split: str | None = Field(None, description="of an export with splits; without: its first")
    task: TaskName = Field("answer", description="what its rows are used for")
    of: Of | None = Field(None, description="whose clip is heard; without: the task's usual one that is there")
    text: Own | None = Field(
        None, description="whose text is said in that clip, if not its own: of augmented, else row's or query's"
    )
    to: Language = Field("en", description="of the task translate: into which language, from translation_TO")
    weight: float = Field(1.0, gt=0, description="rows drawn of it an epoch, as a multiple of what it has")

    @model_validator(mode="after")
    def _asks_something(self) -> "Data":
        if self.of is not None:
            task(self.task, self.of, self.to, self.text)
        return self


class Adapter(Strict):
    """Between encoder and LLM."""

    kind: Literal["speech_adapter", "stack_projector"] = Field(
        "speech_adapter", description="LLaMA-Omni's or Ultravox'"
    )
    group: int = Field(5, ge=1, description="encoder frames an embedding: 5 with LLaMA-Omni, 8 with Ultravox")
    hidden: int = Field(2048, ge=2, multiple_of=2, description="width inside; 2048 in LLaMA-Omni's code")
    norm: Literal["mid", "post"] = Field("mid", description="of stack_projector: where its second norm is")
    lr: float = Field(1e-3, gt=0, description="learning rate")


class Lora(Strict):
    """Low-rank updates of some linear layers (Hu et al. 2021, arXiv:2106.09685)."""

    rank: int = Field(8, ge=1)
    alpha: int = Field(8, ge=1)
    targets: tuple[str, ...] = Field(("q_proj", "k_proj"), min_length=1, description="names of layers")
    dropout: float = Field(0.0, ge=0, lt=1)


class Llm(Strict):
    """The language model."""

    model: str = Field(description="folder, name of the catalogue or hub:org/name")
    learns: Literal["nothing", "lora", "all"] = Field("nothing", description="what of it is trained")
    lora: Lora = Lora()
    lr: float = Field(2e-5, gt=0, description="learning rate, where it learns")
    system: str = Field("", description="system message of each conversation")
    prompt: Template = Field(
        "chat_template", description="what is written around the speech; llama_omni: the ids that its own code gives"
    )

    @field_validator("system")
    @classmethod
    def _without_marker(cls, system: str) -> str:
        if MARKER in system:
            raise ValueError(f"it has {MARKER}, which stands for the speech itself: leave it out")
        return system

    @model_validator(mode="after")
    def _one_system_message(self) -> "Llm":
        if self.prompt == "llama_omni" and self.system not in ("", llama_omni_prompt.SYSTEM):
            raise ValueError("system: LLaMA-Omni's code writes its own, whatever this says; leave it out")
        return self


class Encoder(Strict):
    """The speech encoder: a Whisper."""

    model: str = Field(description="folder, name of the catalogue or hub:org/name")
    learns: Literal["nothing", "lora", "all"] = Field("nothing", description="what of it is trained")
    lora: Lora = Lora()
    lr: float = Field(1e-5, gt=0, description="learning rate, where it learns")
    pad_to_30s: bool = Field(False, description="as LLaMA-Omni's own code does; four times the work")
    features: str | None = Field(None, description="folder that keeps the frames of a frozen encoder")
    features_gb: float = Field(
        100.0, gt=0, description="1e9 bytes that the folder may hold; beyond, clips are encoded each time"
    )

    @property
    def padded_to(self) -> float | None:
        """Seconds that each clip is padded with silence to; None where it counts as long as it is."""
        return SECONDS if self.pad_to_30s else None


class Decoder(Strict):
    """From the LLM's states to units."""

    layers: int = Field(2, ge=1)
    width: int = Field(4096, ge=8)
    heads: int = Field(32, ge=1)
    inner: int = Field(11008, ge=8, description="width of its feed-forward layers")
    units: int = Field(1000, ge=2, description="how many units there are")
    upsampling: int = Field(25, ge=1, description="frames a token; 1.5 times the most units a token of the corpus")
    phase: bool = Field(False, description="tell the frames of a token apart; LLaMA-Omni's own code can't load it")
    lr: float = Field(2e-4, gt=0, description="learning rate")
    states: str | None = Field(
        None, description="folder that keeps the LLM's states of the answers: they stand still here"
    )
    states_gb: float = Field(
        100.0, gt=0, description="1e9 bytes that the folder may hold; beyond, states are computed each time"
    )

    @model_validator(mode="after")
    def _heads_fit(self) -> "Decoder":
        if self.width % (2 * self.heads):
            raise ValueError(f"width is {self.width}: not an even multiple of heads, which is {self.heads}")
        return self


class Distil(Strict):
    """Knowledge distillation from the LLM on the transcript (Ultravox)."""

    teacher: Literal["live", "stored"] = Field(
        "live", description="the LLM reads each transcript at each step; stored: what the stage `teacher` has kept"
    )
    temperature: float = Field(2.0, gt=0)
    end_weight: float = Field(1.0, ge=0, description="of the position that ends an answer")
    shifted: bool = Field(True, description="false: the positions of Ultravox v0.3 to v0.5")

    @model_validator(mode="after")
    def _stored_as_it_is_wanted(self) -> "Distil":
        if self.teacher == "stored" and not self.shifted:
            raise ValueError("shifted: false wants a position behind the end, which isn't stored: take teacher: live")
        return self


class Schedule(Strict):
    """How long, and in which steps."""

    epochs: float | None = Field(None, gt=0)
    steps: int | None = Field(None, ge=1)
    minutes: float | None = Field(None, gt=0, description="by the clock; the learning rate is fitted to it")
    warmup: float = Field(0.03, ge=0, lt=1, description="share of the steps in which the learning rate rises")
    least: float = Field(0.0, ge=0, le=1, description="learning rate at the end, as a share of its peak")
    budget: float = Field(60.0, gt=0, description="seconds of audio a batch: rows times the longest clip")
    accumulate: int = Field(1, ge=1, description="batches a step")
    clip: float = Field(1.0, gt=0, description="largest norm of each group's gradient")
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    weight_decay: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _one_end(self) -> "Schedule":
        if sum(end is not None for end in (self.epochs, self.steps, self.minutes)) != 1:
            raise ValueError("say one of epochs, steps and minutes")
        return self


class Run(Strict):
    """What is written on the way."""

    save_every: int = Field(500, ge=1, description="steps between two checkpoints")
    keep: int = Field(
        2, ge=1, description="latest checkpoints that stay, besides the one with the least validation loss"
    )
    validate_every: int = Field(500, ge=1, description="steps between two looks at the validation rows")
    validate_rows: int = Field(64, ge=0, description="rows of each validation set, at most")
    generate_every: int = Field(0, ge=0, description="steps between two generations of validation answers; 0: never")
    generate_rows: int = Field(16, ge=1, description="rows of each validation set that are answered, at most")
    generate_tokens: int = Field(128, ge=1, description="tokens of such an answer, at most")
    vocoder: str | None = Field(None, description="speaks such answers, which ASR then hears: folder or hub:org/name")
    workers: int = Field(1, ge=0, description="processes that read rows, for each process that trains")
    processes: int = Field(
        1, ge=1, description="processes that train together, started by Ray; a GPU each, if there are any"
    )
    shards: bool = Field(False, description="each of several processes holds a part of the weights, not all (FSDP)")
    resources: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description="what Ray gives each of several processes, as {CPU: 8, GPU: 1}"
    )
    precision: Literal["bf16", "float32"] = "bf16"
    checkpointing: bool = Field(False, description="compute activations again, to save memory")
    explode: Literal["warn", "stop"] = Field(
        "warn", description="where the loss or a gradient is far beyond the usual: name the rows, or end the run, too"
    )
    explode_beyond: float = Field(10.0, gt=1, description="how many times the median of the last 64 steps that is")
    peak_tflops: float | None = Field(
        None,
        gt=0,
        description="1e12 operations a second of a process' device, for MFU; without: of a known GPU, in bf16",
    )


class TrainRecipe(Strict):
    """A training recipe file."""

    name: Name = Field(description="of the run: its folder in `out`")
    phase: Phase = Field(description="what is learned: answers (adapter, LLM), units (decoder), or to distil the LLM")
    seed: int = Field(0, ge=0, description="of every draw")
    out: str = Field("runs", description="folder of runs")
    data: list[Data] = Field(min_length=1)
    validation: list[Data] = Field(default_factory=list)
    llm: Llm
    encoder: Encoder
    adapter: Adapter = Adapter()
    decoder: Decoder | None = Field(None, description="needed by the phase units")
    start: Annotated[FilePath, Field(min_length=1)] | None = Field(None, description="checkpoint of an earlier phase")
    distil: Distil = Distil()
    schedule: Schedule
    run: Run = Run()

    def request(self, name: TaskName) -> str:
        """The user's turn of a task, MARKER in it: into the language that is learned, where it translates."""
        to = next((one.to for one in self.data if one.task == name), "en")
        return task(name, "row", to).request

    @property
    def teaches(self) -> Literal["", "live", "stored"]:
        """Where a teacher's distributions come from; "" where none teaches."""
        return self.distil.teacher if self.phase == "distil" else ""

    @model_validator(mode="after")
    def _phase_has_its_parts(self) -> "TrainRecipe":
        if self.phase == "units" and self.decoder is None:
            raise ValueError("decoder: the phase units needs one")
        for data in (*self.data, *self.validation):
            if self.phase == "units" and TASKS[data.task].units is None:
                raise ValueError(f"data: the task {data.task} has no units to learn: the phase units takes answer")
        if self.run.shards and self.run.generate_every:
            raise ValueError(
                "run.generate_every: with run.shards nothing is generated on the way; leave one of both out"
            )
        if self.run.shards and self.decoder and self.decoder.states:
            raise ValueError("decoder.states: with run.shards all processes compute all layers; leave one of both out")
        if self.encoder.features and self.encoder.learns != "nothing":
            raise ValueError("encoder.features: an encoder that learns gives other frames each step; leave it out")
        return self
