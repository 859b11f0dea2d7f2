"""Overhead against what people would pick instead: three trivial steps over rows of text, and over clips of 10 s.

    python benchmarks/peers.py [--cache FOLDER] [--only NAME ...] [--kinds text audio] [--text 10000] [--audio 500]

Each peer works in a virtual environment of its own, made in the cache folder when it is not there yet; one that can't be
installed or that fails is told as such. What is done is in `peer/work.py`, how in `peer/with_<name>.py`. Told are

- CPU seconds and rows a second of the whole process tree, all in;
- the same from when imports and Ray's start were over;
- rows a second beyond start-up: what the rows above the first 20 took, from a run of 20 of the same program;
- the peak of the tree's memory (PSS); for clips also that of an idle Ray with Voxsmith's actors.

Every measurement is made `--repeats` times; the one with the fewest CPU seconds counts, and the lowest peak.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from corpora import ROOT
from tree import Cost, measure

sys.path.insert(0, str(Path(__file__).parent / "peer"))
from work import write_rows

HERE = Path(__file__).parent / "peer"
OURS = "voxsmith"
PACKAGES = {
    "plain_python": ["numpy==2.4.6", "pyarrow==26.0.1"],
    "datasets_map": ["datasets==5.2.0", "numpy"],
    "datatrove": ["datatrove[io]==0.10.1", "numpy"],
    "ray_data": ["ray[data]==2.60.0", "numpy"],
    "distilabel": ["distilabel==1.5.3", "numpy", "requests", "pillow"],
    "curator": ["nemo-curator==1.4.0", "numpy"],
    "data_juicer": ["py-data-juicer==1.6.1", "numpy", "aiohttp"],
}
AIMS = {"ray_data": 2, "distilabel": 3, "curator": 3, "data_juicer": 3}  # times the CPU seconds of Voxsmith
FEW = 20  # rows of the run that tells what starting costs


class Failed(Exception):
    """This peer can't be measured, and why."""


def python_of(name: str, cache: Path) -> str:
    """The interpreter of the peer's environment, which is made if it isn't there. Raises Failed."""
    if name == OURS:
        return sys.executable
    folder = cache / name
    python, done = folder / "bin/python", folder / ".installed"
    if not done.exists():
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES[name]]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode:
            raise Failed(f"can't be installed: {ran.stderr.strip().splitlines()[-1]}")
        done.touch()
    return str(python)


def cost(name: str, python: str, kind: str, rows: int, repeats: int, *more: str) -> Cost:
    """What the peer's program costs over that many rows. Raises Failed."""
    best: Cost | None = None
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(prefix="peer.") as folder:
            source, out = Path(folder, "rows.jsonl"), Path(folder, "out")
            write_rows(source, rows)
            out.mkdir()
            env = {**os.environ, "PYTHONPATH": str(HERE), "HF_HUB_OFFLINE": "1", "HOME": folder}
            if name == OURS:
                env["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent), str(ROOT)])
            program = [python, str(HERE / f"with_{name}.py"), kind, str(source), str(out), *more]
            measured = measure(program, env, Path(folder))
            if measured.failed:
                log = Path(folder, "log").read_text(errors="replace").strip().splitlines()
                raise Failed(f"failed: {log[-1] if log else measured.failed}")
        if best is not None:
            measured.peak = min(measured.peak, best.peak)
            if best.cpu < measured.cpu:
                best.peak, measured = measured.peak, best
        best = measured
    assert best is not None
    return best


def line(name: str, rows: int, full: Cost, few: Cost) -> str:
    after, longer = full.wall - full.start_wall, full.wall - few.wall
    beyond = f"{(rows - FEW) / longer:.0f}" if longer > 0 else "-"  # a machine with other work on it
    return (
        f"{name:<14} {full.cpu:>8.1f} {full.cpu - full.start_cpu:>10.1f} {full.cpu - few.cpu:>10.1f} "
        f"{rows / full.wall:>9.0f} {rows / after:>9.0f} {beyond:>9} {full.wall:>7.1f} {full.peak:>8.0f}"
    )


def compare(kind: str, rows: int, names: list[str], options: argparse.Namespace) -> None:
    print(f"\n{kind}: {rows} rows\n{'':<14} {'CPU s':>8} {'less start':>10} {'less few':>10} ", end="")
    print(f"{'rows/s':>9} {'less start':>9} {'less few':>9} {'wall s':>7} {'peak MB':>8}")
    costss: dict[str, tuple[Cost, Cost]] = {}
    for name in names:
        try:
            python = python_of(name, Path(options.cache))
            costs = [cost(name, python, kind, count, options.repeats) for count in (rows, FEW)]
            costss[name] = (costs[0], costs[1])
            print(line(name, rows, *costss[name]), flush=True)
        except Failed as failed:
            print(f"{name:<14} {failed}", flush=True)
    if OURS not in costss:
        return
    ours, few = costss[OURS]
    for name in names:
        if name in costss and name != OURS:
            full, theirs = costss[name]
            faster = (full.wall - theirs.wall) / max(1e-3, ours.wall - few.wall)
            aim = f" (aim: {1 / AIMS[name]:.2f})" if name in AIMS else ""
            print(
                f"ratio voxsmith/{name}: CPU {ours.cpu / full.cpu:.2f}{aim}, "
                f"rows/s beyond start-up {faster:.2f}, peak {ours.peak / full.peak:.2f}"
            )
    if kind == "audio":
        idle = cost(OURS, sys.executable, kind, FEW, options.repeats, "--idle")
        print(
            f"voxsmith's peak over an idle Ray with its actors ({idle.peak:.0f} MB): {ours.peak - idle.peak:.0f} MB (aim: 200)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", default=str(Path.home() / ".cache/voxsmith-peers"), help="of the environments")
    parser.add_argument("--only", nargs="+", choices=[*PACKAGES, OURS], default=[OURS, *PACKAGES])
    parser.add_argument("--kinds", nargs="+", choices=["text", "audio"], default=["text", "audio"])
    parser.add_argument("--text", type=int, default=10000, help="rows of text")
    parser.add_argument("--audio", type=int, default=500, help="rows of audio")
    parser.add_argument("--repeats", type=int, default=1)
    options = parser.parse_args()
    for kind in options.kinds:
        compare(kind, getattr(options, kind), options.only, options)


if __name__ == "__main__":
    main()
