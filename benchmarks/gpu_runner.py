"""Runs the cases of a script for a GPU, each in a process of its own with a limit of time, and writes what they measure."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[1]
_LEAST = 20  # seconds that a case needs at least
Rows = list[dict[str, Any]]


def run(
    script: str,
    doc: str,
    cases: Mapping[str, Any],
    lines: Callable[[str, bool], Iterator[dict[str, Any]]],
    markdown: Callable[[str, dict[str, Rows]], str],
    arguments: list[str] | None = None,
) -> None:
    """The command line of benchmarks/SCRIPT.py. `cases` have a `limit`, in seconds; `lines(case, tiny)`: what a case measures, as it
    comes; `markdown(machine, measured)`: the page. SCRIPT.json and SCRIPT.md are written anew after each case.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(), help=f"folder of {script}.json and {script}.md")
    parser.add_argument("--case", action="append", choices=list(cases), help="only this one; may be repeated")
    parser.add_argument("--minutes", type=float, default=7.5, help="no case is begun that could go beyond")
    parser.add_argument("--tiny", action="store_true", help="small networks on the CPU")
    parser.add_argument("--child", action="store_true", help="print what one case measures, a JSON line each")
    options = parser.parse_args(arguments)
    names = options.case or list(cases)
    if options.child:
        for row in lines(names[0], options.tiny):
            print(json.dumps(row), flush=True)
        return
    if not options.tiny and not torch.cuda.is_available():
        raise SystemExit("there is no GPU: --tiny runs small networks on the CPU")
    machine = "CPU, tiny networks" if options.tiny else torch.cuda.get_device_name()
    machine = f"{machine}, torch {torch.__version__}"
    options.out.mkdir(parents=True, exist_ok=True)
    start, measured = time.monotonic(), dict[str, Rows]()
    for name in names:
        left = 60 * options.minutes - (time.monotonic() - start)
        if left < _LEAST:
            measured[name] = [{"failed": "skipped: no time was left"}]
        else:
            tiny = ["--tiny"] if options.tiny else []
            command = [sys.executable, "-m", f"benchmarks.{script}", "--child", "--case", name, *tiny]
            measured[name] = collected(command, min(left, cases[name].limit))
        whole = json.dumps({"machine": machine, "measured": measured}, indent=1)
        (options.out / f"{script}.json").write_text(whole, encoding="utf-8")
        (options.out / f"{script}.md").write_text(markdown(machine, measured), encoding="utf-8")
    print(markdown(machine, measured))


def ready(device: torch.device) -> float:
    """The time, when the device has done all."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.monotonic()


def collected(command: list[str], limit: float) -> Rows:
    """The JSON lines that the command prints before it ends, or before it is ended; last what went wrong, if something did."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        try:
            out, err = process.communicate(timeout=limit)
            wrong = "" if process.returncode == 0 else (err.strip().splitlines() or [f"exit {process.returncode}"])[-1]
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            wrong = f"ended after {limit:.3g} s"
    there = [json.loads(line) for line in out.splitlines() if line.startswith("{") and line.endswith("}")]
    return [*there, *([{"failed": wrong[:200]}] if wrong else [])]
