"""The store: objects by stage and cache key, written once and never changed.

    objects/<stage>/<key>.arrow   the columns that a stage wrote for a shard, row-aligned with it
    objects/<stage>/<key>.json    digests of those columns, rejects, metrics; written last: it is the commit
    objects/<stage>/<key>.part-*  a partial object: the replies so far of a task that did not finish
    runs/<run>/manifest.json      what each run used
    locks/<recipe>.<stage>.json   which sample and codebook a fit stage is pinned to
    store.json                    which layout of all this the store has: SCHEMA_VERSION

On a local disk a file appears by rename, on an object store by a single put.
"""

import errno
import json
import logging
import os
import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.store.digests import column_digest
from voxsmith.pipeline.store.forms import COMMIT, SOURCE_COMMIT, Commit, Form, Misfit
from voxsmith.pipeline.store.table_slices import slices

SCHEMA_VERSION = 2
_READ_WHOLE = 8 * 2**20  # bytes up to which a file in an object store is read in one request
_CONNECTIONS = 32  # to an object store at a time
_CLIENT_TRIES = 6  # of its client at one request, with exponential backoff: 17 s if there is no answer
_RETRIES = 3  # of ours at reading a file, on top
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
T = TypeVar("T")
log = logging.getLogger(__name__)


class Store:
    """A folder or a URL (file://, s3://, gs://)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.fs, self.root = open_filesystem(url)
        self._local = isinstance(self.fs, pafs.LocalFileSystem)
        self._misfits: set[str] = set()  # names of the forms of which a misfit was reported

    @property
    def address(self) -> str:
        """Where it is, for a process that runs in another folder: workers of a Ray that was there before do."""
        return self.url if "://" in self.url else str(Path(self.url).expanduser().absolute())

    @property
    def is_local(self) -> bool:
        """Whether it is a folder: a look at a file costs next to nothing, and a process that is killed leaves what it was
        writing, as `….tmp`.
        """
        return self._local

    # -- objects ------------------------------------------------------------------------------------------------------

    def meta(self, stage: str, key: str) -> Commit | None:
        """What the commit says of the object, or None where there is none that can be read. That of a source's object, or
        of its requests, has the keys of `SourceCommit` alone.
        """
        form = cast(Form[Commit], SOURCE_COMMIT) if stage.startswith(("source.", "requests.")) else COMMIT
        return self.read_json(f"objects/{stage}/{key}.json", form)

    def metas(self, stage: str, keys: Iterable[str]) -> dict[str, Commit]:
        """What the commits of those objects say that are there. The cost is one listing and a read for each; from an
        object store many are read at a time.
        """
        wanted = sorted(set(keys) & self.keys(stage))
        if self._local:
            metas = [self.meta(stage, key) for key in wanted]
        else:
            with ThreadPoolExecutor(_CONNECTIONS) as pool:
                metas = list(pool.map(lambda key: self.meta(stage, key), wanted))
        return {key: meta for key, meta in zip(wanted, metas, strict=True) if meta is not None}

    def sizes(self, stage: str) -> dict[str, int]:
        """Bytes of the stage's tables by key: one listing."""
        return {info.base_name.removesuffix(".arrow"): info.size for info in self._listed(stage, ".arrow")}

    def keys(self, stage: str) -> set[str]:
        """Keys of the stage's committed objects. A commit that a power loss left empty doesn't count."""
        return {info.base_name.removesuffix(".json") for info in self._listed(stage, ".json") if info.size != 0}

    def _listed(self, stage: str, suffix: str) -> list[pafs.FileInfo]:
        return [info for info in self.listed(f"objects/{stage}") if info.base_name.endswith(suffix)]

    def commit(self, stage: str, key: str, table: pa.Table, meta: Mapping[str, Any]) -> None:
        """Write an object: first its table, then `meta`, by which it counts as there."""
        self._write_table(f"objects/{stage}/{key}.arrow", table)
        self.write_json(f"objects/{stage}/{key}.json", meta)

    def read(self, stage: str, key: str, columns: Iterable[str] | None = None) -> pa.Table:
        """The object's columns. On a local disk they are memory-mapped, so only what is used is read."""
        return self.read_file(f"objects/{stage}/{key}.arrow", columns)

    def read_file(self, path: str, columns: Iterable[str] | None = None) -> pa.Table:
        """Raises ArrowInvalid if the file has wrong offsets or texts: following a wrong offset would crash the process."""
        table = self._patiently(lambda: self._read_file(path, columns))
        table.validate(full=True)
        return table

    def _read_file(self, path: str, columns: Iterable[str] | None) -> pa.Table:
        full = f"{self.root}/{path}"
        source = pa.memory_map(full) if self._local else self.fs.open_input_file(full)
        if not self._local and source.size() <= _READ_WHOLE:  # one trip instead of one for each column
            source = pa.BufferReader(source.read_buffer())
        if columns is None:
            return pa.ipc.open_file(source).read_all()
        wanted = list(columns)
        names = pa.ipc.open_file(source).schema.names
        source.seek(0)
        options = pa.ipc.IpcReadOptions(included_fields=sorted(names.index(name) for name in wanted if name in names))
        return pa.ipc.open_file(source, options=options).read_all()

    def write_partial(self, stage: str, key: str, table: pa.Table) -> str:
        """Write the replies so far as a partial object. It has no commit, so the digest of the replies is in the file.

        Returns its path.
        """
        path = f"objects/{stage}/{key}.part-{uuid.uuid4().hex[:12]}"
        self._write_table(path, table.replace_schema_metadata({"replies": column_digest(table["_replies"])}))
        return path

    def partials(self, stage: str) -> list[str]:
        """Paths of the stage's partial objects."""
        return [path for path in self.files(f"objects/{stage}") if ".part-" in path]

    def objects(self, stage: str) -> list[str]:
        """Paths of the stage's committed tables."""
        return [path for path in self.files(f"objects/{stage}") if path.endswith(".arrow")]

    def drop(self, stage: str, key: str) -> None:
        """Delete the commit, so that the object is recomputed."""
        self.delete(f"objects/{stage}/{key}.json")

    # -- files --------------------------------------------------------------------------------------------------------

    def files(self, folder: str) -> list[str]:
        """Paths of the files right inside the folder, relative to the store, sorted."""
        names = (info.base_name for info in self.listed(folder))
        return sorted(f"{folder}/{name}" for name in names if not name.endswith(".tmp"))

    def listed(self, folder: str) -> list[pafs.FileInfo]:
        """The files right inside the folder, with size and time; files that are being written are among them."""
        selector = pafs.FileSelector(f"{self.root}/{folder}".rstrip("/"), allow_not_found=True)
        return [info for info in self.fs.get_file_info(selector) if info.type == pafs.FileType.File]

    def folders(self, folder: str) -> list[str]:
        selector = pafs.FileSelector(f"{self.root}/{folder}", allow_not_found=True)
        infos = self.fs.get_file_info(selector)
        return sorted(info.base_name for info in infos if info.type == pafs.FileType.Directory)

    def read_bytes(self, path: str) -> bytes | None:
        def read() -> bytes:
            with self.fs.open_input_file(f"{self.root}/{path}") as file:
                return bytes(file.read())

        try:
            return self._patiently(read)
        except FileNotFoundError:
            return None

    def write_bytes(self, path: str, data: bytes | pa.Buffer) -> None:
        self._write(path, lambda file: file.write(data))

    def read_json(self, path: str, form: Form[T]) -> T | None:
        """What the file says, for files that can be made again. None if there is no file, or it is cut, or has another
        form; the first of another form is reported.
        """
        data = self.read_bytes(path)
        if data is None:
            return None
        try:
            return form.read(data)
        except Misfit as misfit:
            if not misfit.cut and form.name not in self._misfits:
                self._misfits.add(form.name)
                why = "it counts as not there, and so does any other like it; does another version share this store?"
                log.warning("%s/%s isn't in the form of %s (%s): %s", self.url, path, form.name, misfit, why)
            return None

    def read_kept(self, path: str, form: Form[T]) -> T | None:
        """The same for a file that can't be made again. Raises RunFailed if it is there and can't be read."""
        data = self.read_bytes(path)
        if data is None:
            return None
        try:
            return form.read(data)
        except Misfit as misfit:
            advice = "restore it from a copy, or delete it and do without what it says"
            if misfit.cut:
                raise RunFailed(f"{self.url}/{path} is empty or cut (by a power loss?): {advice}") from None
            raise RunFailed(
                f"{self.url}/{path} isn't in the form of {form.name} ({misfit}): use the version of Voxsmith that wrote it, "
                f"or {advice}"
            ) from None

    def write_json(self, path: str, value: Any) -> None:
        self.write_bytes(path, json.dumps(value, indent=1, ensure_ascii=False, default=str).encode())

    def remove_empty(self, folder: str) -> None:
        """Remove the folder if nothing is in it. In an object store there are no empty folders."""
        if self._local:
            with suppress(OSError):
                os.rmdir(f"{self.root}/{folder}")

    def delete(self, path: str) -> None:
        """Remove a file. It is no error if it is gone already: another run may have been first."""
        try:
            self.fs.delete_file(f"{self.root}/{path}")
        except FileNotFoundError:
            return

    def _write_table(self, path: str, table: pa.Table) -> None:
        if self._local:
            self._write(path, lambda file: _write_ipc(file, table))
            return
        # The table is whole before it is put: a stream that is closed by an error would leave half an object.
        buffer = pa.BufferOutputStream()
        _write_ipc(buffer, table)
        self.write_bytes(path, buffer.getvalue())

    def _write(self, path: str, write: Callable[[Any], None]) -> None:
        for attempt in range(2):
            try:
                with (
                    telling_of_no_room(self.url),
                    self._appearing(path) as name,
                    self.fs.open_output_stream(name) as file,
                ):
                    write(file)
                return
            except FileNotFoundError:  # `gc --grace 0` took away what it didn't know to be ours
                if attempt:
                    raise

    def _patiently(self, work: Callable[[], T]) -> T:
        """Retry what an object store refuses: its client gives up on some errors that are temporary."""
        for attempt in range(0 if self._local else _RETRIES):
            try:
                return work()
            except FileNotFoundError:
                raise
            except OSError as error:
                log.warning("%s: %s; retrying", self.url, " ".join(str(error).split())[:300])
                time.sleep(0.2 * 2**attempt * random.uniform(0.5, 1.5))
        return work()

    def _appearing(self, path: str) -> "_Appearing":
        return _Appearing(self.fs, f"{self.root}/{path}", rename=self._local)


def json_object(data: bytes | None) -> dict[str, Any] | None:
    """The JSON object in these bytes, or None if they are none: a power loss leaves files empty, or cut."""
    try:
        value = json.loads(data or b"")
    except (ValueError, RecursionError):  # the latter: brackets in brackets, thousands deep
        return None
    return value if isinstance(value, dict) else None


@contextmanager
def telling_of_no_room(folder: object) -> Iterator[None]:
    """Turns the error of a full disk in the block into one that says which folder was written to, and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        message = "the disk is full; free some of it, and the same command goes on (`gc` deletes what no run needs)"
        raise OSError(error.errno, message, str(folder)) from None


def _write_ipc(sink: Any, table: pa.Table) -> None:
    with pa.ipc.new_file(sink, table.schema) as writer:
        for some in slices(table):
            writer.write_table(some)


class _Appearing:
    """A file that appears whole or not at all."""

    def __init__(self, fs: pafs.FileSystem, path: str, rename: bool) -> None:
        self.fs, self.path, self.rename = fs, path, rename
        self.name = f"{path}.{uuid.uuid4().hex[:8]}.tmp" if rename else path

    def __enter__(self) -> str:
        if self.rename:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
        return self.name

    def __exit__(self, kind: Any, *_: Any) -> None:
        if not self.rename:
            return
        if kind is None:
            os.replace(self.name, self.path)
        elif os.path.exists(self.name):
            os.unlink(self.name)


def open_filesystem(url: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem of a path or URL, and the path in it without a slash at its end.

    Raises ValueError or OSError if the URL can't be opened.
    """
    if "://" not in url:
        return pafs.LocalFileSystem(), os.path.abspath(url)
    kind = url.split("://")[0]
    if kind == "s3":
        return _open_s3(url)
    if kind in ("file", "gs", "gcs", "hdfs"):
        fs, path = pafs.FileSystem.from_uri(url)
    else:
        import fsspec

        handler, path = fsspec.core.url_to_fs(url)
        fs = pafs.PyFileSystem(pafs.FSSpecHandler(handler))
    return fs, path.rstrip("/")


def _open_s3(url: str) -> tuple[pafs.FileSystem, str]:
    """Credentials come from where AWS's tools look for them, never from the URL. Its query may have `region`, `scheme`
    and `endpoint_override`. A request that fails is retried for up to about a minute: runs take days.
    """
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("a store's URL holds no keys: put them into the environment (AWS_ACCESS_KEY_ID, …)")
    settings = dict(parse_qsl(parts.query))
    if unknown := set(settings) - {"region", "scheme", "endpoint_override"}:
        raise ValueError(f"{', '.join(sorted(unknown))}: an s3 URL takes region, scheme and endpoint_override")
    retry = pafs.AwsStandardS3RetryStrategy(max_attempts=_CLIENT_TRIES)
    fs = pafs.S3FileSystem(retry_strategy=retry, allow_delayed_open=True, **settings)  # small files in one put
    return fs, f"{parts.netloc}{parts.path}".rstrip("/")
