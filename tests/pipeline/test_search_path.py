"""Where modules come from: nothing of the folder where a run is started is run, in the driver or in any other process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import PathFinder
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import datasets
import pytest

from tests.conftest import ON_LOOPBACK
from tests.helpers.jobs import Job
from tests.helpers.packages import copy_checkout, make_environment
from tests.helpers.planted import BY_THEMSELVES, OURS, Planted, names_of_modules, of_python
from tests.helpers.recipes import ROOT, asked, free_port, write_recipe
from tests.helpers.waiting import rest_of

PARTS = str(ROOT / "tests")  # where the package `toys` is
# Modules that we import, and that neither Python nor Ray imports before the first line of ours: in a submitted job both take
# modules from the folder that was submitted.
NOT_OF_RAY = ("numpy", "snowballstemmer", "soundfile", "xxhash", "datasets", "rich", "graphlib", "statistics", "wave")
ROWS = [f"thing number {n}" for n in range(6)]

# A stage of somebody's own, which says where its process found modules.
WHERE = """
import numpy, pyarrow, snowballstemmer, voxsmith
from voxsmith.schemas.columns import Column
from voxsmith.stages.stage import Stage, StageConfig

class Config(StageConfig):
    pass

def run(row, context):
    return {"query_where": " ".join(module.__file__ for module in (numpy, snowballstemmer, voxsmith))}
    yield

STAGE = Stage(
    name="where",
    config=Config,
    reads=lambda config: ("query_text",),
    writes=lambda config: ("query_where",),
    columns={"query_where": Column(pyarrow.string(), "where modules are", role="label")},
    run=run,
)
"""


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with Voxsmith installed."""
    return make_environment(tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    return Planted(tmp_path / "work", tmp_path / "ran")


def write_where(folder: Path) -> str:
    """Write the stage into a package in the folder; returns the name by which a recipe names it."""
    (folder / "my_package").mkdir(parents=True)
    (folder / "my_package" / "where.py").write_text(WHERE)
    return "my_package.where"


def wheres(out: Path) -> set[str]:
    """What that stage said, as the dataset has it."""
    return set(datasets.load_from_disk(str(out / "toy" / "dataset"))["query_where"])


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"PYTHONPATH": PARTS, "COLUMNS": "80"} | more


def run(*command: str | Path, cwd: Path, env: dict[str, str], program: str | None = None) -> tuple[int, str]:
    """Exit code and all that was printed. `program`: what is run under the name that the command begins with."""
    output: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=cwd, env=env, executable=program, start_new_session=True, **output)
    printed = rest_of(process)
    return process.returncode, printed


def script(python: Path) -> Path:
    """The command that is installed beside the interpreter."""
    return python.parent / "voxsmith"


def test_commands_run_nothing_of_the_folder(installed: Path, planted: Planted, tmp_path: Path) -> None:
    path = write_recipe(tmp_path, ROWS)
    for command in (["plan", path], ["doctor", path], ["status", path], ["gc", path, "--dry-run"], ["keys"], ["new"]):
        code, output = run(script(installed), *command, cwd=planted.folder, env=environment())
        assert (code, planted.ran()) == (0, []), output


def test_python_m_runs_nothing_of_the_folder(installed: Path, tmp_path: Path) -> None:
    """But for what Python itself loads before a line of ours runs, and a folder `voxsmith`, which it is told to run."""
    (tmp_path / "empty").mkdir()
    unavoidable = of_python(installed, tmp_path / "empty") | {"voxsmith"}
    planted = Planted(tmp_path / "work", tmp_path / "ran", unavoidable)
    code, output = run(
        installed, "-m", "voxsmith", "plan", write_recipe(tmp_path, ROWS), cwd=planted.folder, env=environment()
    )
    assert (code, planted.ran()) == (0, []), output


def test_the_reader_of_datasets_runs_nothing_of_the_folder(installed: Path, planted: Planted, tmp_path: Path) -> None:
    """It is a process of its own."""
    datasets.Dataset.from_list([{"instruction": text} for text in ROWS]).save_to_disk(str(tmp_path / "saved"))
    entry = {"dataset": str(tmp_path / "saved"), "layout": "alpaca", "licence": "MIT"}
    path = write_recipe(tmp_path, ROWS, sources={"rows": entry})
    code, output = run(script(installed), "plan", path, cwd=planted.folder, env=environment())
    assert (code, planted.ran()) == (0, []) and "toy_shout" in output, output


def test_fetch_runs_nothing_of_the_folder(installed: Path, planted: Planted, tmp_path: Path) -> None:
    offline = environment(PIP_NO_INDEX="1", VOXSMITH_CACHE=str(tmp_path / "cache"))
    code, output = run(script(installed), "fetch", "dnsmos", cwd=planted.folder, env=offline)
    assert (code, planted.ran()) == (1, []) and "speechmos" in output.lower(), output


def test_a_run_runs_nothing_of_the_folder(installed: Path, wheel: Path, planted: Planted, tmp_path: Path) -> None:
    """Neither in actors of this interpreter, nor in those of an engine's own, nor in Ray's own processes, under `uv run` as
    without. Relative paths start in that folder all the same. No home is needed.
    """
    path, another = write_recipe(tmp_path, ROWS), make_environment(tmp_path / "of an engine", wheel)
    here = ["--set", "store=store", "--set", "out=out", "--set", "engines.llm.log=asked.log"]
    interpreter = ["--set", f"engines.llm.resources.python={another}"]
    env = environment(HOME="/dev/null/home")
    (planted.folder / "run").write_text("import os, sys; sys.exit(os.spawnv(os.P_WAIT, sys.argv[1], sys.argv[1:]))")
    uv = ("uv", "run", script(installed))  # a process that Ray takes for uv's
    code, output = run(*uv, "run", path, *here, *interpreter, cwd=planted.folder, env=env, program=sys.executable)
    assert (code, planted.ran()) == (0, []), output
    assert len(asked(str(planted.folder / "toy.yaml"))) == 3 * len(ROWS)


@pytest.mark.parametrize("entry", ["", ".", "../work/", "{folder}", "../link"])
def test_a_folder_that_the_path_names_is_not_looked_in(installed: Path, tmp_path: Path, entry: str) -> None:
    """As long as a recipe names no part of it: an empty entry of PYTHONPATH, which a colon too many makes, names it, too."""
    planted = Planted(tmp_path / "work", tmp_path / "ran", before_us(installed, tmp_path) | set(BY_THEMSELVES))
    (tmp_path / "link").symlink_to(planted.folder)
    (planted.folder / "evil-1.0.dist-info").mkdir()
    (planted.folder / "evil-1.0.dist-info" / "entry_points.txt").write_text("[voxsmith.stages]\nthieve = thief:STAGE\n")
    (planted.folder / "evil-1.0.dist-info" / "METADATA").write_text("Name: evil\nVersion: 1.0\n")
    env = environment(PYTHONPATH=os.pathsep.join([entry.format(folder=planted.folder), PARTS]))
    path = write_recipe(tmp_path, ROWS)
    code, output = run(script(installed), "plan", path, cwd=planted.folder, env=env)
    assert (code, planted.ran()) == (0, []), output
    code, output = run(script(installed), "keys", cwd=planted.folder, env=env)
    assert (code, planted.ran()) == (0, []) and "thieve" not in output, output


def before_us(python: Path, folder: Path) -> set[str]:
    """What is loaded before a line of ours where PYTHONPATH names the folder: Python's own, and what the script imports that
    pip writes.
    """
    (folder / "empty").mkdir()
    return of_python(python, folder / "empty", imports="re") | {"voxsmith"}


@pytest.mark.heavy
def test_a_part_of_the_folder_takes_no_others_place(installed: Path, tmp_path: Path) -> None:
    """Where PYTHONPATH names the folder and the recipe a part in it."""
    unavoidable = before_us(installed, tmp_path)
    specs = [PathFinder.find_spec(name) for name in names_of_modules() - unavoidable]
    there = {spec.name for spec in specs if spec and spec.origin}  # namespace packages anybody may add to
    planted = Planted(tmp_path / "work", tmp_path / "ran", only={*there, *OURS} - unavoidable)
    path = write_recipe(tmp_path, ROWS, stages__where={"stage": write_where(planted.folder)})
    env = environment(PYTHONPATH=os.pathsep.join(["", PARTS]))
    code, output = run(script(installed), "run", path, cwd=planted.folder, env=env)
    assert (code, planted.ran()) == (0, []), output
    assert len(wheres(tmp_path / "out")) == 1
    assert str(planted.folder) not in wheres(tmp_path / "out").pop()


# The dataset of so few rows is written by processes of their own, too.
MINE = """
import os, sys
from voxsmith.pipeline import api
from voxsmith.pipeline.export import export

def main():
    before = [entry for entry in sys.path if "site-packages" not in entry], dict(os.environ)
    export._LITTLE = -1
    print(api.run(sys.argv[1]).status)
    after = [entry for entry in sys.path if "site-packages" not in entry], dict(os.environ)
    for name in ("PYTHONPATH", "PYTHONSAFEPATH"):
        assert before[1].get(name) == after[1].get(name)
    assert before[0] == after[0]

if __name__ == "__main__":
    main()
"""


def test_a_script_runs_nothing_of_the_folder(installed: Path, planted: Planted, tmp_path: Path) -> None:
    """A part may lie beside a script that calls our functions, because Python looks there. The program's own path stays."""
    mine = tmp_path / "mine"
    path = write_recipe(tmp_path, ROWS, stages__where={"stage": write_where(mine)})
    (mine / "make.py").write_text(MINE)
    code, output = run(installed, mine / "make.py", path, cwd=planted.folder, env=environment())
    assert (code, planted.ran()) == (0, []), output
    assert len(wheres(tmp_path / "out")) == 1


# A head of Ray with a dashboard, run by the interpreter of an environment, until stdin is closed.
HEAD = """
import sys
from ray.cluster_utils import Cluster
node = {"num_cpus": 4, "node_ip_address": "127.0.0.1", "include_dashboard": True, "dashboard_port": 0}
cluster = Cluster(True, head_node_args=node | {"dashboard_agent_listen_port": int(sys.argv[1])})
print(cluster.address, cluster.head_node.webui_url, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@contextmanager
def head(python: Path, folder: Path) -> Iterator[Any]:
    """A Ray of which that environment is all that the nodes have; started in the folder."""
    command = [python, "-P", "-c", HEAD, str(free_port())]
    env = environment(**ON_LOOPBACK) | {"PYTHONPATH": ""}
    with subprocess.Popen(
        command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address, page = process.stdout.readline().split()
        yield SimpleNamespace(address=address, head_node=SimpleNamespace(webui_url=page))
        process.communicate()


def test_on_a_cluster_nothing_of_the_folder_is_run(installed: Path, planted: Planted, tmp_path: Path) -> None:
    """One that is joined: its workers look where PYTHONPATH of the driver says, in that order, which its nodes don't know. A
    submitted job: the folder that was submitted is looked in behind all others.
    """
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        write_where(folder)
    (second / "my_package" / "where.py").write_text("raise SystemExit")
    with head(installed, tmp_path) as cluster:
        path = write_recipe(tmp_path, ROWS, stages__where={"stage": "my_package.where"})
        env = environment(RAY_ADDRESS=cluster.address, PYTHONPATH=os.pathsep.join(map(str, (first, second, PARTS))))
        code, output = run(script(installed), "run", path, cwd=planted.folder, env=env | ON_LOOPBACK)
        assert (code, planted.ran()) == (0, []), output
        assert len(wheres(tmp_path / "out")) == 1

        submitted = Planted(tmp_path / "submitted", tmp_path / "ran", only=(*OURS[:-1], *NOT_OF_RAY))
        write_where(submitted.folder)
        job = tmp_path / "job"
        shutil.move(write_recipe(job, ROWS, stages__where={"stage": "my_package.where"}), submitted.folder)
        done, logs = Job(
            cluster, "run toy.yaml", command=str(script(installed)), folder=submitted.folder, path=PARTS
        ).wait()
        assert done and submitted.ran(but="JobSupervisor") == [], logs  # Ray's own process: it takes numpy from there
        assert len(wheres(job / "out")) == 1


@pytest.mark.heavy
def test_a_job_of_a_clone_runs_its_own_code(tmp_path: Path) -> None:
    """On a cluster that has only the packages that Voxsmith needs."""
    clone = copy_checkout(tmp_path / "clone")
    shutil.rmtree(clone / "tests")
    planted = Planted(clone, tmp_path / "ran", only=NOT_OF_RAY)
    shutil.move(write_recipe(tmp_path, ROWS, stages__where={"stage": write_where(clone)}), clone)
    python = make_environment(tmp_path / "packages")
    with head(python, tmp_path) as cluster:
        done, logs = Job(cluster, "run toy.yaml", command=f"{python} -m voxsmith", folder=clone, path=PARTS).wait()
    assert done and planted.ran(but="JobSupervisor") == [], logs
    assert len(wheres(tmp_path / "out")) == 1
    assert "working_dir_files" in wheres(tmp_path / "out").pop(), "the code of the clone that was submitted"
