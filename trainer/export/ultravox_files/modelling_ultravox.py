"""An Ultravox model for transformers 5. Part of Voxsmith, Apache-2.0.

Whisper's encoder hears clips at their true length, the projector makes embeddings of `stack_factor` frames each, and the
language model reads them where the text has the audio token.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, GenerationMixin, PreTrainedModel
from transformers.configuration_utils import PreTrainedConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder


class UltravoxConfig(PreTrainedConfig):
    """`audio_config`, `text_config`: of the encoder and the language model; `hidden_size`: width inside the projector."""

    model_type = "ultravox"
    sub_configs = {"audio_config": AutoConfig, "text_config": AutoConfig}  # noqa: RUF012

    def __init__(
        self,
        audio_config: Any = None,
        text_config: Any = None,
        audio_token_index: int = 32000,
        hidden_size: int = 4096,
        stack_factor: int = 8,
        projector_ln_mid: bool = True,
        **others: Any,
    ) -> None:
        self.audio_config = _config(audio_config, "whisper")
        self.text_config = _config(text_config, "llama")
        self.audio_token_index, self.hidden_size = audio_token_index, hidden_size
        self.stack_factor, self.projector_ln_mid = stack_factor, projector_ln_mid
        super().__init__(**others)


class Projector(nn.Module):
    def __init__(self, config: UltravoxConfig) -> None:
        super().__init__()
        stacked, inner = config.audio_config.d_model * config.stack_factor, config.hidden_size // 2
        width = config.text_config.hidden_size
        self.stack = config.stack_factor
        self.ln_pre = nn.RMSNorm(stacked, eps=1e-6)
        self.linear_1 = nn.Linear(stacked, config.hidden_size, bias=False)
        self.linear_2 = nn.Linear(inner, width, bias=False)
        self.ln_mid = nn.RMSNorm(inner, eps=1e-6) if config.projector_ln_mid else nn.Identity()
        self.ln_post = nn.Identity() if config.projector_ln_mid else nn.RMSNorm(width, eps=1e-6)

    def forward(self, frames: Tensor) -> Tensor:
        """[N, T, encoder's width] -> [N, ceil(T / stack), LLM's width]; the first half of linear_1 is the value."""
        filled = F.pad(frames, (0, 0, 0, -frames.shape[1] % self.stack))
        value, gate = self.linear_1(self.ln_pre(filled.reshape(len(frames), -1, self.ln_pre.weight.shape[0]))).chunk(
            2, dim=-1
        )
        return self.ln_post(self.linear_2(self.ln_mid(value * F.silu(gate))))


class UltravoxModel(PreTrainedModel, GenerationMixin):
    config_class = UltravoxConfig
    _supports_sdpa = True

    def __init__(self, config: UltravoxConfig) -> None:
        super().__init__(config)
        self.audio_tower = WhisperEncoder(config.audio_config)
        self.multi_modal_projector = Projector(config)
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        return self.language_model.get_input_embeddings()

    def hear(self, audio_values: Tensor, audio_lens: Tensor) -> Tensor:
        """Embeddings of all clips, one behind the other: [sum of ceil(frames / stack), LLM's width].

        `audio_values`: log-mel [N, mels, T]; `audio_lens`: int [N], mel frames of each.
        """
        tower = self.audio_tower
        mel = audio_values.to(tower.conv1.weight)
        frames = (audio_lens + 1) // 2
        hidden = F.gelu(tower.conv1(mel)) * _inside(audio_lens, mel.shape[-1])[:, None].to(mel.dtype)
        hidden = F.gelu(tower.conv2(hidden)).transpose(1, 2)
        kept = _inside(frames, hidden.shape[1])
        hidden = hidden + tower.embed_positions.weight[: hidden.shape[1]]
        mask = torch.zeros_like(kept, dtype=hidden.dtype).masked_fill(~kept, torch.finfo(hidden.dtype).min)
        mask = mask[:, None, None, :].expand(-1, -1, hidden.shape[1], -1)
        for layer in tower.layers:
            hidden = layer(hidden, mask)
        heard = self.multi_modal_projector(tower.layer_norm(hidden) * kept[..., None].to(hidden.dtype))
        counts = (frames + self.config.stack_factor - 1) // self.config.stack_factor
        return heard[_inside(counts, heard.shape[1])]

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        audio_values: Tensor | None = None,
        audio_lens: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """What the language model gives, and its loss where `labels` are there; the inputs are the processor's."""
        if inputs_embeds is None:
            inputs_embeds = self._embedded(input_ids, audio_values, audio_lens)
        return self.language_model(inputs_embeds=inputs_embeds, attention_mask=attention_mask, **_others(others))

    def generate(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        audio_values: Tensor | None = None,
        audio_lens: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """The tokens that are new, [rows, n]; options are those of transformers' `generate`."""
        others.setdefault("generation_config", self.generation_config)
        with torch.no_grad():
            embedded = self._embedded(input_ids, audio_values, audio_lens)
        return self.language_model.generate(inputs_embeds=embedded, attention_mask=attention_mask, **_others(others))

    def _embedded(self, input_ids: Any, audio_values: Tensor | None, audio_lens: Any) -> Tensor:
        # The audio token may have no row in the embedding: it only marks places.
        places = input_ids == self.config.audio_token_index
        words = self.get_input_embeddings()(input_ids.masked_fill(places, 0))
        if audio_values is None:
            return words
        heard = self.hear(audio_values, audio_lens)
        if int(places.sum()) != len(heard):
            raise ValueError(f"the text has {int(places.sum())} places for speech, the clips have {len(heard)}")
        return words.masked_scatter(places[..., None], heard.to(words.dtype))


def _config(values: Any, usual: str) -> Any:
    if isinstance(values, PreTrainedConfig):
        return values
    return CONFIG_MAPPING[(values or {}).get("model_type", usual)](**(values or {}))


def _inside(lengths: Tensor, size: int) -> Tensor:
    return torch.arange(size, device=lengths.device) < lengths[:, None]


def _others(options: dict[str, Any]) -> dict[str, Any]:
    """Without what the processor gives for others: other code finds a clip's places by them."""
    given = ("audio_token_len", "audio_token_start_idx", "audio_num_chunks", "audio_batch_size")
    return {name: value for name, value in options.items() if name not in given}
