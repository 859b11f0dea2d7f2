"""Which file of this folder reads which layout."""

from collections.abc import Callable, Iterator, Mapping

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.pipeline.sources.speech import (
    audio_dataset,
    dailytalk,
    kaldi,
    lhotse,
    ljspeech,
    manifest,
    talks,
    trans_txt,
    vctk,
    webdataset,
)
from voxsmith.pipeline.sources.speech.folder import Folder
from voxsmith.pipeline.sources.speech.utterance import Read
from voxsmith.pipeline.sources.speech.watch import Watch
from voxsmith.schemas.clip_reference import is_url
from voxsmith.schemas.columns import Column
from voxsmith.schemas.source import Source

Reader = Callable[[str, Source, Folder, Watch, Mapping[str, Column]], Iterator[Read]]

READERS: dict[str, Reader] = {
    "manifest": manifest.utterances,
    "nemo": manifest.utterances,
    "common_voice": manifest.utterances,
    "librispeech": trans_txt.utterances,
    "ljspeech": ljspeech.utterances,
    "vctk": vctk.utterances,
    "kaldi": kaldi.utterances,
    "lhotse": lhotse.cuts,
    "shar": lhotse.shar,
    "webdataset": webdataset.utterances,
    "audio_dataset": audio_dataset.utterances,
    "dailytalk": dailytalk.utterances,
}


def utterances(name: str, source: Source, root: Folder, watch: Watch, columns: Mapping[str, Column]) -> Iterator[Read]:
    """What the corpus has, in its own order, one utterance in memory at a time.

    Raises RecipeError where the corpus isn't what its layout says, RunFailed where a disk or connection failed.
    """
    try:
        reads = READERS[source.layout](name, source, root, watch, columns)
        yield from talks.in_order(name, reads) if source.turns == "recording" else reads
    except OSError as error:
        if is_url(str(source.path)):
            raise RunFailed(f"sources.{name}: {source.path}: {error}; the same command tries again") from None
        raise RecipeError(f"sources.{name}: {error.filename or source.path}: {error.strerror or error}") from None
