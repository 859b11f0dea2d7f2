"""A file's text: gzipped or not, on disk or at a URL, in UTF-8, UTF-16 or UTF-32."""

import codecs
import gzip
import io
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.sources.record.objects import opened_url
from voxsmith.schemas.clip_reference import is_url

# UTF-32's little-endian mark starts with UTF-16's, so it comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip


def opened(file: Path | str) -> TextIO:
    """The text, for reading; bytes that aren't UTF-8 come out as lone surrogates. A byte order mark tells UTF-16 and UTF-32.

    Raises RecipeError where the text is UTF-16 without its mark.
    """
    stream: BinaryIO = opened_url(file) if isinstance(file, str) and is_url(file) else open(file, "rb")  # noqa: SIM115
    if str(file).endswith(".gz"):
        stream = cast(BinaryIO, gzip.open(stream))  # noqa: SIM115  # the text closes both
    buffered = io.BufferedReader(cast(io.RawIOBase, stream))
    try:
        start = buffered.peek(4)[:4]
    except BaseException:
        buffered.close()
        raise
    encoding = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8-sig")
    if encoding == "utf-8-sig" and len(start) == 4 and start[:2].count(0) == start[2:].count(0) == 1:
        buffered.close()
        raise RecipeError(f"{file}: its text is UTF-16 without a byte order mark; write it as UTF-8")
    return io.TextIOWrapper(buffered, encoding=encoding, errors="surrogateescape")
