"""Where is a text said otherwise than a second verbaliser says it, or than its figures and signs want?

    python -m benchmarks.said_by_another FILE [--share 0.05] [--seconds 200] > differences.jsonl

FILE: JSON lines, text, or one JSON document; every string in it is read, sentence by sentence, each once. Each sentence
with a digit or a sign is said by `spoken` and looked at by `said_otherwise`; a share of them, drawn by their hash, is also
said by kitten-text-processing on the whole sentence, which takes a tenth of a second. A line is printed where
`said_otherwise` has a fault, where the two differ in a number, where the other says a sign's word that `spoken` hasn't, or
where `spoken` says a minus that the other hasn't. Most differences are the other's: the list is for a person to read.
Lines and hashes of sentences are held in memory, no texts; a JSON document is held whole.
"""

import argparse
import hashlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from voxsmith.models.text.unsaid import unsaid
from voxsmith.stages.text.reading import unreadable
from voxsmith.stages.text.said_otherwise import said_otherwise
from voxsmith.stages.text.sayings.figures import NUMBER_WORDS
from voxsmith.stages.text.spoken import spoken

_SIGNS = re.compile(
    r"minus|negative|plus|percent|per|degrees?|dollars?|euros?|pounds?|times|divided|equals?|less|greater|to|over|squared"
)
_SIGNED = re.compile(r"[\d%$€£&+*/=<>°^#@~×÷√]| - ")
_LONGEST = 400  # characters of a sentence


def strings(path: Path) -> Iterator[str]:
    """Every string of the file, keys left out; a line that is no JSON is itself one."""
    with path.open(encoding="utf-8") as lines:
        if path.suffix == ".json":
            yield from _inside(json.load(lines))
            return
        for line in lines:
            try:
                yield from _inside(json.loads(line))
            except ValueError:
                yield line


def sentences(text: str) -> Iterator[str]:
    """Those with a digit or sign that people could say."""
    for line in text.splitlines():
        for part in re.split(r"(?<=[.?!])\s+(?=[A-Z])", line):
            one = part.strip()
            if 3 < len(one) <= _LONGEST and _SIGNED.search(one) and not unreadable(one, "") and not unsaid(one)[1]:
                yield one


def difference(said: str, other: str) -> str:
    """What the second verbaliser says otherwise, or "": numbers, signs that it alone says, a minus that it doesn't say."""
    ours, theirs = _words(said), _words(other)
    numbers = [word for word in (ours | theirs) if word in NUMBER_WORDS and ours[word] != theirs[word]]
    signs = [word for word in theirs if _SIGNS.fullmatch(word) and theirs[word] > ours[word]]
    if ours["minus"] > theirs["minus"] + theirs["negative"]:
        signs.append("minus")
    return ", ".join(sorted({*numbers, *signs}))


def compared(texts: Iterator[str], share: float, other: Callable[[str], str]) -> Iterator[dict[str, Any] | None]:
    """An item a sentence: the difference or fault, or None. `share` of the sentences is said by `other` too."""
    seen: set[bytes] = set()
    for text in texts:
        for written in sentences(text):
            key = hashlib.blake2b(written.encode(), digest_size=8).digest()
            if key in seen:
                continue
            seen.add(key)
            said = spoken(written)
            fault = said_otherwise(written, said)
            drawn = int.from_bytes(key[:4], "big") < share * 2**32
            theirs = other(written) if drawn else ""
            differs = difference(said, theirs) if drawn else ""
            line = {"written": written, "said": said, "fault": fault.message if fault else "", "differs": differs}
            yield line | {"other": theirs} if fault or differs else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--share", type=float, default=0.05, help="of sentences that the second verbaliser says too")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="to stop after")
    args = parser.parse_args()
    from kitten_text_processing import Normalizer

    normalizer, begin, count, faults, differences = Normalizer(), time.monotonic(), 0, 0, 0
    for line in compared(strings(args.file), args.share, lambda text: str(normalizer.normalize(text))):
        count += 1
        if line:
            faults, differences = faults + bool(line["fault"]), differences + bool(line["differs"])
            print(json.dumps(line, ensure_ascii=False), flush=True)
        if count % 1000 == 0:
            print(f"{count} sentences, {faults} faults, {differences} differences", file=sys.stderr)
        if time.monotonic() - begin > args.seconds:
            break
    print(f"{count} sentences, {faults} faults, {differences} differences", file=sys.stderr)


def _inside(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _inside(item)


def _words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[a-z]+", text.lower()))


if __name__ == "__main__":
    main()
