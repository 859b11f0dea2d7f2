"""From text and clips to what an Ultravox model takes. Part of Voxsmith, Apache-2.0.

Each clip is filled up with silence to a whole number of embeddings (2,560 samples, 0.16 s, where 8 encoder frames make one),
and the silence counts as sound. So no embedding sees what is behind the clip's end, and a clip gives in a batch what it
gives alone, in servers too that pad a batch with zeros and don't mask them.
"""

from typing import Any

import numpy as np
from transformers import BatchFeature, ProcessorMixin

AUDIO = "<|audio|>"


class UltravoxProcessor(ProcessorMixin):
    """`audio_processor`: a WhisperFeatureExtractor; `tokenizer`: it has the token <|audio|>; `stack_factor`: encoder frames
    an embedding. Servers may set `audio_token_replacement` and `audio_replacement_token_id`, the token that a clip's places
    in the text are filled with.
    """

    def __init__(
        self, audio_processor: Any = None, tokenizer: Any = None, stack_factor: int = 8, chat_template: Any = None
    ) -> None:
        super().__init__(audio_processor, tokenizer, chat_template=chat_template)
        self.stack_factor = stack_factor
        self.audio_token_replacement = AUDIO
        self.audio_replacement_token_id = tokenizer.convert_tokens_to_ids(AUDIO)

    def __call__(
        self,
        text: str | list[str] | None = None,
        audio: Any = None,
        audios: Any = None,
        sampling_rate: int | None = None,
        return_tensors: str = "pt",
        include_audio_num_chunks: bool = False,
        **ignored: Any,
    ) -> BatchFeature:
        """`text`: one or several, with <|audio|> where a clip goes; `audio` or `audios`: a clip or a list of them, float [n]
        at `sampling_rate`, in the order of the text. Clips beyond the encoder's 30 seconds are heard in chunks.

        Gives input_ids and attention_mask [rows, L] (padded on the left), and of the N chunks: audio_values float [N, mels, T],
        audio_lens (mel frames), audio_token_len (embeddings), audio_token_start_idx (place of the first in its row); of the
        clips: audio_num_chunks; of the rows: audio_batch_size (chunks). Raises ValueError where clips and text don't fit.
        """
        clips = _clips(audios if audios is not None else audio)
        if clips and sampling_rate != self.audio_processor.sampling_rate:
            raise ValueError(f"clips at {self.audio_processor.sampling_rate} Hz are wanted, not at {sampling_rate}")
        chunks = [self._chunks(clip) for clip in clips]
        counts = [[self._embeddings(chunk.shape[1]) for chunk in of] for of in chunks]
        data: dict[str, Any] = {}
        if clips:
            flat = [chunk for of in chunks for chunk in of]
            longest = max(chunk.shape[1] for chunk in flat)
            data["audio_values"] = np.stack([np.pad(c, ((0, 0), (0, longest - c.shape[1]))) for c in flat])
            data["audio_lens"] = np.array([chunk.shape[1] for chunk in flat])
            data["audio_token_len"] = np.array([count for of in counts for count in of])
            if include_audio_num_chunks:
                data["audio_num_chunks"] = np.array([len(of) for of in chunks])
        if text is not None:
            data |= self._texts([text] if isinstance(text, str) else list(text), counts)
        return BatchFeature(data, tensor_type=return_tensors)

    def _chunks(self, clip: np.ndarray) -> list[np.ndarray]:
        """Log-mel [mels, T] of each 30 seconds."""
        extractor = self.audio_processor
        whole, longest = 2 * self.stack_factor * extractor.hop_length, extractor.nb_max_frames
        beyond = len(clip) % (longest * extractor.hop_length)  # what the last chunk holds
        silence = -beyond % whole if len(clip) else whole
        filled = np.pad(clip, (0, min(silence, longest * extractor.hop_length - beyond)))
        mel = extractor(
            filled, sampling_rate=extractor.sampling_rate, padding="longest", truncation=False, return_tensors="np"
        )["input_features"][0]
        return [mel[:, start : start + longest] for start in range(0, mel.shape[1], longest)]

    def _embeddings(self, frames: int) -> int:
        return -(-frames // (2 * self.stack_factor))

    def _texts(self, texts: list[str], counts: list[list[int]]) -> dict[str, Any]:
        """Ids with a place for each embedding, and where each chunk's places start."""
        marker = self.tokenizer.convert_tokens_to_ids(AUDIO)
        rows, starts, chunks, clips = [], [], [], iter(counts)
        for text in texts:
            row: list[int] = []
            chunks.append(0)
            for token in self.tokenizer(text, add_special_tokens=False)["input_ids"]:
                if token != marker:
                    row.append(token)
                    continue
                clip = next(clips, None)
                if clip is None:
                    raise ValueError(f"the text has {AUDIO} more often than there are clips, which are {len(counts)}")
                for count in clip:
                    starts.append(len(row))
                    row += [self.audio_replacement_token_id] * count
                chunks[-1] += len(clip)
            rows.append(row)
        if next(clips, None) is not None:
            raise ValueError(f"there are {len(counts)} clips; the text has {AUDIO} less often")
        length = max(map(len, rows))
        shifts = np.repeat([length - len(row) for row in rows], chunks)
        padding = self.tokenizer.pad_token_id or 0
        placed = {"audio_token_start_idx": np.array(starts) + shifts, "audio_batch_size": np.array(chunks)}
        return {
            "input_ids": np.array([[padding] * (length - len(row)) + row for row in rows]),
            "attention_mask": np.array([[0] * (length - len(row)) + [1] * len(row) for row in rows]),
            **(placed if counts else {}),
        }


def _clips(audio: Any) -> list[np.ndarray]:
    if audio is None:
        return []
    several = isinstance(audio, (list, tuple)) and (not audio or not np.isscalar(audio[0]))
    clips = [np.asarray(clip, np.float32) for clip in (audio if several else [audio])]
    for clip in clips:
        if clip.ndim != 1:
            raise ValueError(f"a clip has one channel: its shape is [samples], not {list(clip.shape)}")
    return clips
