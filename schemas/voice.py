"""A voice of a voice bank: a clip to speak like, and what is said in it. One line of the bank's manifest.jsonl."""

from pydantic import BaseModel, ConfigDict, Field


class Voice(BaseModel):
    """Keys that a manifest has beside these are let be."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(
        min_length=1, max_length=200, pattern=r"[^*]", description="the name by which a recipe asks for the voice"
    )
    path: str = Field(min_length=1, max_length=4096, description="of the clip, from the bank's folder")
    text: str = Field(min_length=1, max_length=10_000, description="what is said in the clip, word for word")
    licence: str = Field(
        "unknown", max_length=10_000, description="terms of the clip: they go on to what is said in its voice"
    )
    speaker: str = ""
    gender: str = ""
