"""Tars of a corpus: how they are opened, and the texts in them."""

from typing import BinaryIO

from voxsmith.models.tar_members import Member
from voxsmith.pipeline.sources.record.objects import opened_url
from voxsmith.schemas.clip_reference import is_url

_LARGEST = 1 << 26  # bytes of a text


def opened(file: str) -> BinaryIO:
    """A file of this machine, or an object. Raises OSError; for an object RecipeError, RunFailed."""
    return opened_url(file) if is_url(file) else open(file, "rb")


def text_of(stream: BinaryIO, member: Member) -> str:
    """What the member holds; bytes that aren't UTF-8 come out as lone surrogates."""
    stream.seek(member.start)
    return stream.read(min(member.size, _LARGEST)).decode("utf-8", "surrogateescape")
