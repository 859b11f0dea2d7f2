"""What of a pretrained model learns: nothing, low-rank updates, or all."""

from torch import nn

from voxsmith.schemas.errors import RecipeError
from voxsmith.schemas.names import nearest
from voxsmith.trainer.networks.speech_llm import SpeechLLM
from voxsmith.trainer.phases.terms import Group
from voxsmith.trainer.recipe import Encoder, Llm


def prepare(name: str, model: nn.Module, settings: Llm | Encoder) -> list[Group]:
    """Freeze the model but for what its settings train; that is the group, if there is one. A frozen model drops nothing out."""
    model.requires_grad_(False)
    if settings.learns == "nothing":
        model.eval()
        return []
    if settings.learns == "all":
        model.requires_grad_(True)
        for unused in _unused(model):
            unused.requires_grad_(False)
    else:
        add_lora(model, settings)
    model.train()  # transformers loads models as they are used, where nothing is dropped out
    return [Group(name, settings.lr, tuple(value for value in model.parameters() if value.requires_grad))]


def add_lora(model: nn.Module, settings: Llm | Encoder) -> None:
    """Put low-rank updates beside the target layers, if they aren't there; they alone learn. They are float32, also where the
    model is bfloat16: there most steps of an optimiser would be rounded away. Raises RecipeError for a layer that isn't there.
    """
    from peft import LoraConfig, inject_adapter_in_model

    if not (updates := _updates(model)):
        lora, part = settings.lora, "llm" if isinstance(settings, Llm) else "encoder"
        known = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
        if unknown := next((name for name in lora.targets if name.rpartition(".")[2] not in known), None):
            raise RecipeError(f"{part}.lora.targets: no linear layer is called {unknown}; {nearest(unknown, known)}")
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules=list(lora.targets),
            bias="none",
        )
        inject_adapter_in_model(config, model)
        updates = _updates(model)
    model.requires_grad_(False)
    for value in updates:
        value.data = value.data.float()
        value.requires_grad_(True)


def _updates(model: nn.Module) -> list[nn.Parameter]:
    return [value for name, value in model.named_parameters() if ".lora_" in name]


def _unused(model: nn.Module) -> list[nn.Parameter]:
    """Whisper's positions are a table of sines, which the reference keeps fixed."""
    positions = getattr(model, "embed_positions", None)
    return [positions.weight] if positions is not None else []


def compute_again(network: SpeechLLM) -> None:
    """Keep no activations inside the layers of LLM and encoder, but compute them again for the gradient (Chen et al. 2016,
    arXiv:1604.06174). transformers does so only in training mode: a model that stands still is put there, which changes
    nothing of it, unless it drops something out: then it keeps them.
    """
    for model in (network.llm, network.encoder):
        config = model.config
        drops = ("attention_dropout", "dropout", "activation_dropout", "encoder_layerdrop")
        if model.training or not any(getattr(config, name, 0.0) for name in drops):
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.train()
