"""A source's records, of files or of a dataset: one pass, one record in memory at a time."""

from collections.abc import Iterator

from voxsmith.pipeline.sources.dataset.process import dataset_rows
from voxsmith.pipeline.sources.record.files import Placed, records_of, too_large
from voxsmith.schemas.globs import files
from voxsmith.schemas.lines import TooLarge
from voxsmith.schemas.source import Source


def records(name: str, source: Source, fields: tuple[str, ...]) -> Iterator[Placed]:
    """The records of a source, in order, each with at least those of `fields` that it has.

    Raises RecipeError where a file or dataset is broken or not there, RunFailed where a connection failed.
    """
    if source.path is None:
        for number, row in enumerate(dataset_rows(name, source, fields)):
            yield f"row {number}", too_large(row) if isinstance(row, TooLarge) else row
        return
    for file in files(source.path):
        if file.suffix == ".parquet":
            of_file = source.model_copy(update={"path": None, "dataset": str(file)})
            for number, row in enumerate(dataset_rows(name, of_file, fields), 1):
                yield f"{file}, row {number}", too_large(row) if isinstance(row, TooLarge) else row
            continue
        yield from records_of(file, fields)
