"""Utterances of recordings as turns of conversations: put together by recording, in the order in which they are spoken.

A corpus has the utterances of a conversation wherever its own order puts them: Kaldi sorts them by name, so one speaker's
come before the other's. They are sorted here in a file that is removed in the end, because memory is for one conversation.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

from voxsmith.pipeline.errors import RunFailed
from voxsmith.pipeline.sources.record.values import dump
from voxsmith.pipeline.sources.speech.folder import File
from voxsmith.pipeline.sources.speech.utterance import Lost, Read, Utterance

_MEMORY = 64 << 10  # KiB that the sorting takes; what is beyond them is on the disk, in the folder for temporary files
_TABLE = "create table turns (conversation text, start real, end real, number integer, turn text)"
_IN_ORDER = "select turn from turns order by conversation, start, end, number"


def in_order(name: str, reads: Iterable[Read]) -> Iterator[Read]:
    """The same: first what is of no conversation, as it comes; then each conversation's utterances by start and end, numbered
    from 0. An utterance that is there twice, as in windows over a recording that overlap, is lost the second time.

    Raises RunFailed where the disk is full.
    """
    try:
        yield from _sorted(reads)
    except sqlite3.Error as error:
        raise RunFailed(
            f"sources.{name}: turns are sorted in the folder for temporary files, and that failed: {error}; "
            "make room there, or name another folder in TMPDIR"
        ) from None


def _sorted(reads: Iterable[Read]) -> Iterator[Read]:
    turns = sqlite3.connect("", isolation_level=None)
    try:
        turns.execute(f"pragma cache_size = -{_MEMORY}")
        turns.execute("pragma temp_store = file")
        turns.execute(_TABLE)
        turns.execute("begin")
        for number, read in enumerate(reads):
            if isinstance(read, Lost) or read.conversation is None:
                yield read
            else:
                row = (read.conversation, *_seconds(read), number, json.dumps(read))
                turns.execute("insert into turns values (?, ?, ?, ?, ?)", row)
        turns.execute("commit")
        yield from _numbered(Utterance(*_lists_as_tuples(json.loads(turn))) for (turn,) in turns.execute(_IN_ORDER))
    finally:
        turns.close()


def _numbered(utterances: Iterable[Utterance]) -> Iterator[Read]:
    conversation, names, turn = None, set[str](), 0
    for one in utterances:
        if one.conversation != conversation:
            conversation, names, turn = one.conversation, set(), 0
        if one.name is not None and one.name in names:
            message = f"the id '{one.name[:200]}' is that of an utterance before it"
            yield Lost(one.place, "repeated_id", message, dump([one.name, one.path, one.offset, one.duration]))
            continue
        if one.name is not None:
            names.add(one.name)
        yield one._replace(turn=turn)
        turn += 1


def _seconds(read: Utterance) -> tuple[float, float]:
    """Where it starts and ends; an end that nobody wrote is the recording's."""
    start = read.offset or 0.0
    return start, float("inf") if read.duration is None else start + read.duration


def _lists_as_tuples(values: list[Any]) -> Iterator[Any]:
    """What JSON made a list of: suffixes, and the file."""
    fields = dict(zip(Utterance._fields, values, strict=True))
    fields["suffixes"] = tuple(fields["suffixes"])
    fields["located"] = File(*fields["located"]) if fields["located"] is not None else None
    yield from fields.values()
