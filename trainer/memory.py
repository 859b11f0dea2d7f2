"""How much memory a training step takes, by arithmetic: nothing is loaded.

Activations are what automatic differentiation keeps for the way back, counted tensor by tensor as Korthikanti et al. 2022
do (arXiv:2205.05198, section 4.1), for the layers that we run: Llama's and Whisper's instead of GPT's, without dropout, with
an attention that doesn't keep its matrix, and float32 norms under autocast. A layer that stands still keeps less: its linear
layers need their weights for the way back, and not what went in.
"""

from dataclasses import dataclass
from typing import Any

from torch import nn

from voxsmith.trainer import shards
from voxsmith.trainer.build import Built
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.recipe import Adapter, TrainRecipe

GIB = 2**30


@dataclass(frozen=True)
class Size:
    """Of a batch, padding included. `rows`; of each: `mel` frames, `heard` embeddings of speech, `tokens` the LLM reads, of which
    `answer` are learned; `taught`, what the teacher reads, and `units`, where there are any.
    """

    rows: int
    mel: int
    heard: int
    tokens: int
    answer: int
    taught: int = 0
    units: int = 0


@dataclass(frozen=True)
class Memory:
    """Bytes, by part."""

    weights: int
    gradients: int
    moments: int
    activations: int
    logits: int

    @property
    def fixed(self) -> int:
        """Whatever the batch is."""
        return self.weights + self.gradients + self.moments

    @property
    def total(self) -> int:
        return self.fixed + self.activations + self.logits


def memory(built: Built, recipe: TrainRecipe, size: Size, processes: int = 1) -> Memory:
    """Of a step with batches of this size on one device; `built`, weights or outline, as the phase's `learns` left it. `processes`:
    over how many weights are in shards.
    """
    weights, gradients, moments = (
        fixed(built.network, recipe) if processes == 1 else sharded(built.network, recipe, processes)
    )
    return Memory(weights, gradients, moments, activations(built, recipe, size), logits(built, recipe, size))


def fixed(network: nn.Module, recipe: TrainRecipe) -> tuple[int, int, int]:
    """Bytes of weights, gradients and AdamW's two moments. Autocast keeps a copy in bf16 of each matrix that learns."""
    weights = gradients = 0
    for value in network.parameters():
        size = value.numel() * value.element_size()
        weights += size
        if value.requires_grad:
            gradients += size
            weights += 2 * value.numel() if recipe.run.precision == "bf16" and value.dim() > 1 else 0
    return weights, gradients, 2 * gradients


def sharded(network: SpeechLLM, recipe: TrainRecipe, processes: int) -> tuple[int, int, int]:
    """The same of each process where weights are in shards: its share of them, all of what isn't, and two layers that are whole for
    a while, the one that computes and the one that is fetched, with the gradients of one. Rows of a matrix that don't come out
    even for the processes are left out of account.
    """
    parts = list(shards.parts(network, recipe))
    its = {id(value) for part in parts for value in part.parameters()}
    travels_cast = its & {id(value) for value in network.llm.parameters()}
    weights = gradients = 0
    for value in network.parameters():
        size = value.numel() * value.element_size()
        share = -(-size // processes) if id(value) in its else size
        weights += share
        if value.requires_grad:
            gradients += share
            is_cast = recipe.run.precision == "bf16" and value.dim() > 1 and id(value) not in travels_cast
            weights += 2 * value.numel() if is_cast else 0
    cast = bytes_of(recipe)
    whole = max(sum(value.numel() for value in part.parameters()) for part in parts)
    learns = max(sum(value.numel() for value in part.parameters() if value.requires_grad) for part in parts)
    return weights + 2 * cast * whole, gradients + cast * learns, 2 * gradients


def activations(built: Built, recipe: TrainRecipe, size: Size) -> int:
    """Bytes that are kept for the way back, but for logits."""
    cast = bytes_of(recipe)
    if recipe.phase == "units":
        assert built.network.decoder is not None and recipe.decoder is not None
        shape = recipe.decoder
        frames = size.answer * shape.upsampling
        layer = llama_layer(shape.width, shape.width, shape.inner, shape.heads, 0, cast, learns=True)
        return size.rows * frames * (shape.layers * layer + shape.width * (4 + cast))
    network, llm, encoder = built.network, built.network.llm.config, built.network.encoder.config
    heads = llm.num_attention_heads
    head = getattr(llm, "head_dim", None) or llm.hidden_size // heads
    of_llm = llama_layer(
        llm.hidden_size,
        heads * head,
        llm.intermediate_size,
        heads,
        size.tokens * cast,
        cast,
        learns=recipe.llm.learns == "all",
    )
    of_llm += lora(network.llm, cast) // llm.num_hidden_layers
    residual = llm.hidden_size * (cast if recipe.llm.learns != "all" else 4)
    total = size.tokens * _stack(of_llm, llm.num_hidden_layers, residual, recipe.run.checkpointing)
    if recipe.encoder.learns != "nothing":
        width = encoder.d_model
        of_encoder = whisper_layer(
            width,
            encoder.encoder_ffn_dim,
            encoder.encoder_attention_heads,
            size.mel // 2 * cast,
            cast,
            learns=recipe.encoder.learns == "all",
        )
        of_encoder += lora(network.encoder, cast) // encoder.encoder_layers
        total += size.mel // 2 * _stack(of_encoder, encoder.encoder_layers, width * 4, recipe.run.checkpointing)
    total += size.heard * _adapter(recipe.adapter, encoder.d_model, llm.hidden_size, cast)
    return size.rows * total


def bytes_of(recipe: TrainRecipe) -> int:
    """A number, as matrices are multiplied."""
    return 2 if recipe.run.precision == "bf16" else 4


def llama_layer(width: int, queries: int, inner: int, heads: int, mask: int, cast: int, learns: bool) -> int:
    """Bytes a token. `queries`: heads times their size; `mask`: bytes of a row of the attention's mask.

    Two norms: what goes in, in float32, and a factor each. Attention: query, key and value, each as wide as the queries (keys
    and values are repeated for their groups), what it gives, and a logarithm a head. Feed-forward: gate, its SiLU, and what it
    gates. If the layer learns: also the norms' output before its weight, and what goes into each of the seven linear layers,
    which autocast casts for each of them anew.
    """
    still = 2 * (4 * width + 4) + cast * 4 * queries + 4 * heads + cast * 3 * inner + mask
    if not learns:
        return still
    casts = 5 if cast == 2 else 2  # what attention gives is kept already
    return still + 2 * 4 * width + cast * (casts * width + inner)


def whisper_layer(width: int, inner: int, heads: int, mask: int, cast: int, learns: bool) -> int:
    """Bytes a frame: LayerNorm's inputs in float32, attention as in Llama's layer, and the input of GELU."""
    still = 2 * (4 * width + 8) + cast * 4 * width + 4 * heads + cast * inner + mask
    return still + cast * ((4 if cast == 2 else 2) * width + inner) if learns else still


def lora(model: nn.Module, cast: int) -> int:
    """Bytes a token over all layers: what goes into each low-rank update, and what is between its two matrices."""
    pairs = [value.shape for name, value in model.named_parameters() if "lora_A" in name]
    return sum(cast * (rank + width) for rank, width in pairs)


def _stack(layer: int, layers: int, residual: int, checkpointing: bool) -> int:
    """Of layers one above the other; with checkpointing each keeps its input alone, and one at a time is computed again."""
    return layers * residual + layer if checkpointing else layers * layer


def _adapter(settings: Adapter, encoder_width: int, llm_width: int, cast: int) -> int:
    """Bytes an embedding: the stacked frames (their norm's input, too, where there is one), and what is inside."""
    stacked = settings.group * encoder_width
    if settings.kind == "speech_adapter":
        return cast * (stacked + settings.hidden)
    return (
        2 * 4 * stacked
        + cast * stacked
        + settings.hidden * (4 + cast)
        + (4 * llm_width if settings.norm == "post" else 0)
    )


def logits(built: Built, recipe: TrainRecipe, size: Size) -> int:
    """Bytes of scores over the vocabulary, or over units: those of all positions and their gradient; of the answer's, in float32,
    what the objective makes of them (logits, their softmax and a gradient; twice, and a product, where a teacher is heard).
    """
    cast = bytes_of(recipe)
    if recipe.phase == "units":
        assert recipe.decoder is not None
        frames = size.answer * recipe.decoder.upsampling
        # A forward and a backward variable for each unit and the blanks around it.
        return size.rows * frames * ((recipe.decoder.units + 1) * (2 * cast + 3 * 4) + 2 * 4 * (2 * size.units + 1))
    words: Any = built.network.llm.config.vocab_size
    teacher = size.taught * cast
    answer = size.answer * 4 * (8 if recipe.phase == "distil" else 3)
    return int(size.rows * words * (size.tokens * 2 * cast + teacher + answer))
