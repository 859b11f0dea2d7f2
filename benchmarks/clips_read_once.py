"""Recorded clips through read, listen, clean and continue, without models: what is read, and by whom.

    python benchmarks/clips_read_once.py [--rows 20000] [--keep FOLDER]

Each clip is half a second of noise, another one. The run is killed (SIGKILL) when a third of the shards are read, and
the same command goes on. Prints how often clips were read, the bytes that the command itself read by system calls, its
peak memory, and the bytes of all clips. The last line is a ratio: bytes that the command read over bytes of clips.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from corpora import ROOT

sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
from tests.helpers.counted_clips import read, write_speech  # noqa: E402 (needs the path above)


def run(recipe: str, until: int, objects: Path) -> tuple[int, float, float, float]:
    """(exit code, seconds, bytes read, peak bytes of memory) of `voxsmith run`, which is killed at `until` shards; 0: never."""
    start, got, peak = time.perf_counter(), 0, 0
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    command = [sys.executable, "-m", "voxsmith", "run", recipe]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                got, peak = watched.io_counters().read_chars, max(peak, watched.memory_info().rss)
            except psutil.Error:
                break
            if until and len(list(objects.glob("*.json"))) >= until:
                children = watched.children(recursive=True)
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                psutil.wait_procs(children, timeout=120)
                break
            time.sleep(0.05)
    return process.returncode, time.perf_counter() - start, got, peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--keep", help="leave clips, store and dataset in this folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.keep or temporary) / "clips"
        recipe = write_speech(folder, options.rows, 256)
        clips = sum(file.stat().st_size for file in (folder / "speech").glob("*.wav"))
        objects = folder / "store" / "objects" / "read_clip"
        code, seconds, first, _ = run(recipe, max(1, options.rows // 256 // 3), objects)
        print(f"killed after {seconds:.0f} s (exit code {code}), {sum(read(folder).values())} clips read", flush=True)
        code, seconds, second, peak = run(recipe, 0, objects)
        if code:
            sys.exit(f"exit code {code}")
        counts = read(folder)
        print(
            f"went on for {seconds:.0f} s: {len(counts)} clips, read {sum(counts.values())} times, at most {max(counts.values())} each"
        )
        print(
            f"bytes of clips {clips / 1e6:.0f} MB; read by the command {first / 1e6:.0f} MB until it was killed and "
            f"{second / 1e6:.0f} MB behind, peak memory {peak / 1e6:.0f} MB"
        )
        print(f"ratio of bytes that the command read to bytes of clips: {(first + second) / clips:.3f}")


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
