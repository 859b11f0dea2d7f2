"""The disk gets full while a run writes to it: which one is told in a line, and with room the same command goes on."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.helpers.recipes import TEXTS, digests_of, open_state, run_cli, run_inline, write_recipe
from voxsmith.pipeline.report.outputs import export_state, is_exported

pytestmark = pytest.mark.usefixtures("one_ray")


class SmallDisk:
    """A tmpfs in a mount namespace of its own, so that no rights are needed; `folder` is where all see it."""

    def __init__(self, place: Path) -> None:
        place.mkdir()
        script = (
            f"mount -t tmpfs tmpfs '{place}' && echo &&"
            f"while read -r size; do mount -o remount,size=$size '{place}' && echo || exit; done"
        )
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
        self.holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._is_done()
        self.folder = Path(f"/proc/{self.holder.pid}/root{place}")

    def resize(self, kilobytes: int) -> None:
        assert self.holder.stdin is not None
        self.holder.stdin.write(f"{kilobytes}k\n")
        self.holder.stdin.flush()
        self._is_done()

    def _is_done(self) -> None:
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "\n", "no disk can be mounted here"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    small = SmallDisk(tmp_path / "small")
    yield small
    small.holder.kill()
    small.holder.wait()


def told_in_a_line(output: str, folder: Path) -> bool:
    lines = [line for line in output.splitlines() if line.startswith("voxsmith: ")]
    assert "Traceback" not in output and "worker.py" not in output, output
    return len(lines) == 1 and "the disk is full; free some" in lines[0] and str(folder) in lines[0]


def test_the_disk_of_the_store(undisturbed: dict[str, str], disk: SmallDisk, tmp_path: Path) -> None:
    """Full from the start, then while the sources are read, then in the midst of the stages, then large enough."""
    path = write_recipe(tmp_path, TEXTS, store=str(disk.folder / "store"))
    for kilobytes in (8, 40, 160):
        disk.resize(kilobytes)
        code, output = run_cli("run", path)
        assert code == 1 and told_in_a_line(output, disk.folder / "store"), output
    finished = sorted(disk.folder.glob("store/objects/toy_*/*.json"))
    assert finished
    for commit in finished:
        with pa.memory_map(str(commit.with_suffix(".arrow"))) as source:
            pa.ipc.open_file(source).read_all().validate()
    before = {file: file.stat().st_mtime_ns for file in finished}
    disk.resize(4096)
    code, output = run_cli("run", path)
    assert code == 0, output
    assert {file: file.stat().st_mtime_ns for file in finished} == before, "what was finished is not made again"
    assert digests_of(tmp_path / "out") == undisturbed


@pytest.mark.heavy
def test_the_disk_of_the_dataset(disk: SmallDisk, tmp_path: Path) -> None:
    """At each size another file is the first that finds no room; what was there before stays until all is written."""
    path = write_recipe(tmp_path, TEXTS)
    assert run_cli("run", path)[0] == 0
    there = f"out={disk.folder / 'out'}"
    for kilobytes in (4, 12, 24, 36, 48, 64):
        disk.resize(kilobytes)
        code, output = run_cli("export", path, "--set", there)
        assert code == 1 and told_in_a_line(output, disk.folder / "out"), (kilobytes, output)
    disk.resize(4096)
    code, output = run_cli("run", path, "--set", there)
    assert code == 0 and "24 rows out" in output, output
    assert digests_of(disk.folder / "out") == digests_of(tmp_path / "out")


def test_an_export_that_finds_no_room_leaves_the_one_before_it(tmp_path: Path) -> None:
    """All of it is written beside that one; the last file is that which names the others."""
    plain = open_state(write_recipe(tmp_path, TEXTS))
    run_inline(plain)
    export_state(plain)
    before = digests_of(tmp_path / "out", "toy/[!.]*")
    loud = open_state(write_recipe(tmp_path, TEXTS, stages__toy_shout__engine="llm", stages__toy_shout__style="loud"))
    run_inline(loud)
    full = tmp_path / "out/toy/..exported.json.writing"
    full.symlink_to("/dev/full")
    with pytest.raises(OSError, match="the disk is full; free some"):
        export_state(loud)
    assert not full.is_symlink()  # what was half written is gone
    assert is_exported(plain) and not is_exported(loud)
    assert digests_of(tmp_path / "out", "toy/[!.]*") == before
    export_state(loud)
    assert is_exported(loud) and not is_exported(plain)
