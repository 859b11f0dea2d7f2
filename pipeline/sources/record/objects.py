"""Objects in object stores, as fsspec opens them; keys come from where each store's own tools look for them."""

from typing import Any, BinaryIO, NamedTuple, cast

from voxsmith.pipeline.errors import RecipeError, RunFailed
from voxsmith.schemas.hashing import hashed_number

_RANGE = 10**15  # of numbers that stand for a version: below any time in nanoseconds, which a listing takes them for


class Object(NamedTuple):
    """`etag`: "" where the store has none; `version`: a number that is another after each change that the store shows."""

    size: int | None
    etag: str
    version: int


def store_of(url: str) -> tuple[Any, str]:
    """fsspec's file system of a URL, and the path in it. Raises RecipeError."""
    from fsspec.core import url_to_fs

    try:
        store, inside = url_to_fs(url, use_listings_cache=False)
    except (ValueError, ImportError, OSError) as error:
        raise RecipeError(f"{url}: can't be opened: {error}") from None
    if url.startswith(("http://", "https://")):
        raise RecipeError(f"{url}: what lies below an http address can't be listed; name a bucket, or a folder")
    return store, inside.rstrip("/")


def object_of(entry: dict[str, Any]) -> Object:
    """What fsspec says of an object."""
    etag = str(entry.get("ETag") or entry.get("etag") or "").strip('"')
    changed = etag or str(
        next((entry[one] for one in ("LastModified", "mtime", "updated", "created") if entry.get(one)), "")
    )
    return Object(entry.get("size"), etag, hashed_number(changed) % _RANGE)


def opened_url(url: str) -> BinaryIO:
    """The object, for reading. Raises RecipeError where it isn't there, RunFailed where a connection failed."""
    store, inside = store_of(url)
    try:
        return cast(BinaryIO, store.open(inside, "rb"))
    except FileNotFoundError:
        raise RecipeError(f"{url}: no such file") from None
    except Exception as error:  # each store has errors of its own
        raise RunFailed(f"{url}: {error}; the same command tries again") from None


def info_of(url: str) -> Object | None:
    """None where there is no such object. Raises RunFailed."""
    store, inside = store_of(url)
    try:
        return object_of(store.info(inside))
    except FileNotFoundError:
        return None
    except Exception as error:  # as above
        raise RunFailed(f"{url}: {error}; the same command tries again") from None


def tree_below(url: str) -> dict[str, Object]:
    """Every object below a URL, by its path from there. Raises RunFailed."""
    store, inside = store_of(url)
    try:
        entries: dict[str, dict[str, Any]] = store.find(inside, detail=True)
    except Exception as error:  # as above
        raise RunFailed(f"{url}: {error}; the same command tries again") from None
    start = len(inside) + 1
    return {name[start:]: object_of(entry) for name, entry in entries.items()}
