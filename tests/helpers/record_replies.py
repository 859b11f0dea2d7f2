"""Records that backends, as their code is now, answer as before, or otherwise:

    python -m tests.helpers.record_replies same tts_kokoro llm_vllm    an existing store asks nothing again
    python -m tests.helpers.record_replies new tts_kokoro              the engine is asked again

The names may be `all`. The record is pipeline/recipe/replies.json.
"""

import json
import sys

from voxsmith.pipeline.recipe.replies import FILE, digest_of
from voxsmith.stages.registry import BACKENDS


def record(verdict: str, backends: list[str]) -> None:
    known: dict[str, list[list[str]]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for backend in sorted(BACKENDS) if backends == ["all"] else backends:
        digest, codes = digest_of(backend), known.setdefault(backend, [[]])
        if any(digest in same for same in codes):
            continue
        if verdict == "new":
            codes.append([])
        codes[-1].append(digest)
    FILE.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("same", "new"):
        raise SystemExit(__doc__)
    record(sys.argv[1], sys.argv[2:])
