"""Recorded clips through read, listen, clean and continue on a real Ray: each is read once, also by a run that was killed."""

import json
import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.helpers.counted_clips import read, write_speech
from tests.helpers.recipes import digests_of, run_cli, start_cli
from tests.helpers.waiting import wait_for

CLIPS, SHARD = 240, 20


@pytest.mark.heavy
def test_a_clip_is_read_once_by_a_run_that_is_killed_too(tmp_path: Path, on_ray: dict[str, str]) -> None:
    """Clips of tasks that were at work at the kill may be read again, of no other."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    code, output = run_cli("run", write_speech(whole, CLIPS, SHARD), env=on_ray)
    assert code == 0, output
    assert set(read(whole).values()) == {1} and len(read(whole)) == CLIPS
    code, output = run_cli("run", str(whole / "speech.yaml"), env=on_ray)
    assert code == 0 and "nothing to do" in output and sum(read(whole).values()) == CLIPS

    path, objects = write_speech(killed, CLIPS, SHARD), killed / "store" / "objects" / "read_clip"
    process = start_cli("run", path)
    wait_for(lambda: len(list(objects.glob("*.json"))) >= 3, "three shards whose clips are read", process)
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    psutil.wait_procs(children, timeout=60)
    done = sum(json.loads(file.read_text())["rows"] for file in objects.glob("*.json"))
    before = read(killed)
    code, output = run_cli("run", path, env=on_ray)
    assert code == 0, output
    counts = read(killed)
    assert len(counts) == CLIPS and set(before) <= set(counts)
    assert sum(counts.values()) <= CLIPS + sum(before.values()) - done
    assert max(counts.values()) <= 2
    for part in ("dataset", "rejects"):
        assert digests_of(whole / "out" / "speech" / part) == digests_of(killed / "out" / "speech" / part)
