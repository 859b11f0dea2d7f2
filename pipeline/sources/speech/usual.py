"""Names that records usually have for what a row needs, where `columns` doesn't say it. Of several the first that holds
something is taken.
"""

Names = dict[str, tuple[str, ...]]

_SAID: Names = {
    "source_transcript": ("text", "transcript", "transcription", "sentence", "normalized_text"),
    "speaker": ("speaker", "speaker_id", "client_id"),
    "language": ("language", "lang", "locale", "source_lang"),
}
_PART: Names = {"offset": ("offset",), "duration": ("duration",), "channel": ("channel",)}

# By layout. Ids are taken where they name utterances: a tar's sample has its key, and NeMo's records have none.
USUAL: dict[str, Names] = {
    "manifest": {**_SAID, **_PART, "clip": ("path",), "id": ("id",)},
    "nemo": {**_SAID, **_PART, "clip": ("audio_filepath",)},
    "common_voice": {**_SAID, "source_transcript": ("sentence",), "clip": ("path",)},
    "webdataset": {**_SAID, "duration": _PART["duration"]},
    "audio_dataset": {**_SAID, "id": ("id", "utterance_id", "segment_id")},
}
