"""The quickstart against a plain script: the same models and the same rows, one after another in one process.

    python benchmarks/quickstart_against_naive.py [--share 4]

The script does what one writes in an afternoon: one reply a request, one clip a text, Whisper on its whole window,
DNSMOS on every clip, encoder features of clips padded to 30 s, k-means. No checks, no second tries, nothing kept. With
`--share 4` it works on every fourth row, and its time is multiplied. Prints the ratio of the wall times (ours over the
script's); models must be there (`voxsmith fetch configs/quickstart.yaml`).
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from voxsmith.models.text.verbalise import verbalise  # noqa: E402
from voxsmith.pipeline.recipe.graph import build_graph  # noqa: E402
from voxsmith.pipeline.recipe.load import load_recipe  # noqa: E402
from voxsmith.pipeline.sources.inputs import list_shards  # noqa: E402
from voxsmith.pipeline.store.objects import read_columns  # noqa: E402
from voxsmith.pipeline.store.store import Store  # noqa: E402
from voxsmith.stages.engines.asr import whisper as asr_whisper  # noqa: E402
from voxsmith.stages.engines.clips import RATE, hear  # noqa: E402
from voxsmith.stages.engines.llm import llamacpp as llm_llamacpp  # noqa: E402
from voxsmith.stages.engines.quality import mos_dnsmos  # noqa: E402
from voxsmith.stages.engines.tts import kokoro as tts_kokoro  # noqa: E402
from voxsmith.stages.engines.units import encoder as units_encoder  # noqa: E402
from voxsmith.stages.requests.asr import Transcribe  # noqa: E402
from voxsmith.stages.requests.llm import Complete  # noqa: E402
from voxsmith.stages.requests.mos import Rate  # noqa: E402
from voxsmith.stages.requests.tts import Speak  # noqa: E402

RECIPE = "configs/quickstart.yaml"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=int, default=4, help="the script works on every n-th row")
    share = parser.parse_args().share
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [sys.executable, "-m", "voxsmith", "run", RECIPE, "--set", f"store={folder}/store"]
        subprocess.run([*command, "--set", f"out={folder}/out"], cwd=ROOT, check=True)
        ours = time.perf_counter() - start
        rows = _rows(folder)
    theirs = _script(rows[::share])
    total = theirs * len(rows) / len(rows[::share])
    print(
        f"Voxsmith {ours:.0f} s; the script {theirs:.0f} s for 1 in {share} of {len(rows)} rows, {total:.0f} s for all"
    )
    print(f"ratio {ours / total:.2f}")


def _rows(folder: str) -> list[tuple[str, str]]:
    """(task, context) of each row that the sources accept, the hopeless ones left out."""
    recipe = load_recipe(str(ROOT / RECIPE), [f"store={folder}/store"])
    build_graph(recipe, RECIPE)
    conversations = []
    for shard in list_shards(recipe, Store(recipe.store), True, None):
        place = (shard.folder, shard.key)
        columns = read_columns(Store(recipe.store), dict.fromkeys(("instruction", "context", "source"), place))
        for task, context, source in zip(*(columns[name].to_pylist() for name in columns.column_names), strict=True):
            if task and source != "hopeless":
                conversations.append((task, context or ""))
    return conversations


def _script(rows: list[tuple[str, str]]) -> float:
    """Seconds that the plain script takes, its models loaded."""
    from sklearn.cluster import KMeans

    recipe = load_recipe(str(ROOT / RECIPE))
    stages = build_graph(recipe, RECIPE).nodes
    threads = {"resources": {"threads": 2}}
    llm = llm_llamacpp.BACKEND.load(llm_llamacpp.Config(**threads))
    tts = tts_kokoro.BACKEND.load(tts_kokoro.Config(**threads))
    asr = asr_whisper.BACKEND.load(asr_whisper.Config(window="full", **threads))
    mos = mos_dnsmos.BACKEND.load(mos_dnsmos.Config(**threads))
    encoder = units_encoder.BACKEND.load(units_encoder.Config(**threads))
    rewrite, respond = stages["rewrite"].config.prompt, stages["respond"].config.prompt
    features = []
    start = time.perf_counter()
    for number, (task, context) in enumerate(rows):
        prompt = rewrite.render(task=verbalise(task), context=verbalise(context))
        query = llm._one(Complete(prompt=prompt, max_tokens=160, stop=("\n",))).text.strip() or task
        answer = llm._one(Complete(prompt=respond.render(query=query), max_tokens=72, stop=("\n",))).text.strip()
        for text, voice, rate in ((query, "af_heart", 16000), (answer or "Yes.", "af_sarah", 24000)):
            clip = tts.speak(Speak(text, voice, sample_rate=rate)).flac
            asr.hear(Transcribe(clip))
            mos.rate(Rate(clip))
        samples = hear(clip)
        features.append(encoder.encode(np.pad(samples, (0, max(0, 30 * RATE - len(samples)))))[: len(samples) // 320])
        print(f"\rscript: {number + 1} of {len(rows)} rows", end="", file=sys.stderr, flush=True)
    frames = np.concatenate(features)
    KMeans(min(200, len(frames)), n_init=1).fit(frames)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
