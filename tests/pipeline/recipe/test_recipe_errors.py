"""Every mistake in a recipe is one line that says where and what to do, before anything runs; exit code 2."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.recipes import COUNT, ROOT, open_state, run_inline, write_recipe
from voxsmith.pipeline.api.opened import load
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.recipe import check
from voxsmith.pipeline.recipe.graph import build_graph
from voxsmith.pipeline.recipe.load import load_recipe

QUICKSTART = yaml.safe_load((ROOT / "configs" / "quickstart.yaml").read_text())


@pytest.fixture(autouse=True)
def in_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the quickstart names is beside the test's recipe; the commands run in the checkout."""
    for name in ("prompts", "data"):
        (tmp_path / name).symlink_to(ROOT / "configs" / name)
    monkeypatch.chdir(ROOT)


def complaint(capsys: pytest.CaptureFixture[str], tmp_path: Path, change: Any = None, *sets: str) -> str:
    """What `plan` prints for a quickstart recipe with something wrong; it must be one line."""
    recipe = yaml.safe_load(yaml.safe_dump(QUICKSTART))
    if change:
        change(recipe)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    arguments = [part for one in sets for part in ("--set", one)]
    assert main(["plan", str(path), "--set", f"store={tmp_path}/store", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert len(error.splitlines()) == 1, error
    return error.replace(str(path), "RECIPE")


CASES = [
    ("checks.recorded.sources={alpac: {max_cer: 0.5}}", "checks.recorded.sources: no source 'alpac'; did you mean 'alpaca'?"),
    ("checks.recorded.max_cer=5", "RECIPE: checks.recorded.max_cer: input should be less than or equal to 1 (it is 5)"),
    ("checks.recorded.sources={alpaca: {max_wer: -1}}", "RECIPE: checks.recorded.sources.alpaca.max_wer: input should be greater than"),
    ("checks.query_text.min_words=200", "RECIPE: checks.query_text: min_words is 200, max_words 100: nothing is between"),
    ("checks.query_text.max_wrods=3", "RECIPE: checks.query_text.max_wrods: unknown key; did you mean 'max_words'?"),
    ("stages.rewrite.atempts=3", "RECIPE: stages.rewrite.atempts: unknown key; did you mean 'attempts'?"),
    ("engines.llm.modle=x", "RECIPE: engines.llm.modle: unknown key; did you mean 'model'?"),
    ("engines.llm.backend=llm_lamacpp", "RECIPE: engines.llm.backend: no backend 'llm_lamacpp'; did you mean 'llm_llamacpp'?"),
    ("stages.rewrit={engine: llm}", "RECIPE: stages.rewrit: no stage 'rewrit'; did you mean 'rewrite'?"),
    ("stages.rewrite.engine=lmm", "RECIPE: stages.rewrite.engine: no engine 'lmm'; did you mean 'llm'?"),
    ("stages.rewrite.engine=tts", "RECIPE: stages.rewrite.engine: 'tts' is an engine of kind tts; the stage asks one of llm"),
    ("stages.normalise_query.engine=llm", "RECIPE: stages.normalise_query.engine: the stage 'normalise' asks no engine"),
    ("stages.speak_answer.voices=[af_sara]", "RECIPE: stages.speak_answer.voices: no voice 'af_sara' in tts; did you mean 'af_sarah'?"),
    ("sources.alpaca.path=data/alpaca_sampel.json", "no such file: data/alpaca_sampel.json; looked in "),
    ("stages.rewrite.prompt=prompts/no.jinja", "RECIPE: stages.rewrite.prompt: no such prompt file: prompts/no.jinja; looked in "),
    ("export.splits={train: 0.5}", "add up to 0.5, not to 1"),
    ("export.splits={train: 0.9, dev-clean: 0.1}", "'dev-clean' can't be the name of a split in export.splits: take letters"),
    ("export.splits={train: 0.9, ../../test: 0.1}", "'../../test' can't be the name of a split"),
    ("export.splits={train: 1.5, test: -0.5}", "the share of 'train' in export.splits is 1.5: it must be from 0 to 1"),
    ("export.splits={train: 0.5, test: .nan}", "RECIPE: export.splits.test: nan is not a finite number"),
    ("export.splits={train: 0.5, all: 0.5}", "'all' in export.splits is what `datasets` calls all splits; take another name"),
    ("export.splits={All: 1}", "'All' in export.splits is what `datasets` calls all splits"),
    (f"export.splits={{{'x' * 300}: 1}}", "'xxxxxxxxxxxxxxxxxxxx…' in export.splits has 300 characters; 100 are the most"),
    (f"name={'x' * 300}", "RECIPE: name: 'xxxxxxxxxxxxxxxxxxxx…' has 300 characters; a name has 100 at most"),
    (f"engines.{'x' * 300}={{backend: llm_null}}", "'xxxxxxxxxxxxxxxxxxxx…' has 300 characters"),
    ("engines.llm.backend=[llm_llamacpp]", "RECIPE: engines.llm.backend: the name of a backend is wanted"),
    ("engines.llm.backend=7", "RECIPE: engines.llm.backend: the name of a backend is wanted"),
    ("stages.rewrite.stage={rewrite: 1}", "RECIPE: stages.rewrite.stage: the name of a stage is wanted"),
    ("stages.rewrite.engine=[llm]", "RECIPE: stages.rewrite.engine: the name of one of the recipe's engines is wanted"),
    ("stages.normalise_query.engine={}", "RECIPE: stages.normalise_query.engine: the name of one of the recipe's engines"),
    ("stages.rewrite.prompt=[a]", "RECIPE: stages.rewrite.prompt: write the path of a prompt file"),
    ("sources.hopeless.columns=[instruction]", "RECIPE: sources.hopeless.columns: input should be a valid dictionary"),
    ("sources.alpaca.limit=100000000000000000000", "RECIPE: sources.alpaca.limit: a whole number of 67 bits; 64 is the most"),
    ("sources.alpaca.limit=10000000000000000", "RECIPE: sources.alpaca.limit: input should be less than or equal to 1000000000000000"),
    ("engines.llm.resources.patience=.inf", "RECIPE: engines.llm.resources.patience: inf is not a finite number"),
    ('sources.alpaca.path="a\\0b"', "RECIPE: sources.alpaca.path: a text with NUL or half of a surrogate pair"),
    ('name="\\ud800"', "RECIPE: name: a text with NUL or half of a surrogate pair"),
    ("store=''", "RECIPE: store: string should have at least 1 character"),
    ("out=''", "RECIPE: out: string should have at least 1 character"),
    ("out=s3://bucket/out", "RECIPE: out: the dataset is written to a folder; `voxsmith publish --to` sends it"),
    ("store=memory://x", "RECIPE: store: nothing can be kept in memory://; take a folder, or a URL"),
    ("store=simplecache::s3://bucket/x", "RECIPE: store: nothing can be kept in simplecache::s3://"),
    ("store=https://127.0.0.1/x", "RECIPE: store: nothing can be kept in https://"),
    ("store=dir:///tmp/x", "RECIPE: store: nothing can be kept in dir://"),
    ("store=s3:/bucket/x", "RECIPE: store: 's3:/bucket/x' is no address; one is written s3://bucket/store"),
    ("store=x://y", "RECIPE: store: 'x://y' is no address"),
    ("store=://y", "RECIPE: store: '://y' is no address"),
    ("store=file://", "RECIPE: store: can't be opened: "),
    ("out=s3:/bucket/out", "RECIPE: out: the dataset is written to a folder"),
    ("store=/dev/null", "RECIPE: store: /dev/null is no folder"),
    ("store=~nobody-has-this-home/x", "RECIPE: store: there is no home folder '~nobody-has-this-home'; write the path out"),
    ("out=~nobody-has-this-home/x", "RECIPE: out: there is no home folder '~nobody-has-this-home'"),
    ("overrides=~nobody-has-this-home/x", "RECIPE: overrides: there is no home folder '~nobody-has-this-home'"),
    ("stages.rewrite.prompt=~nobody-has-this-home/x", "RECIPE: stages.rewrite.prompt: there is no home folder"),
    ("sources.alpaca.path=~nobody-has-this-home/x", "RECIPE: sources.alpaca.path: there is no home folder"),
    *(
        (f"{key}={'x' * 300}/y", f"{'x' * 40}…' is longer than a path can be")
        for key in ("store", "out", "overrides", "sources.alpaca.path", "stages.rewrite.prompt", "engines.llm.model")
    ),
    ("engines.llm.model=/dev/zero", "RECIPE: engines.llm.model: /dev/zero is neither a file nor a folder"),
    (f"engines.llm.model={'x' * 300}", "RECIPE: engines.llm.model: no model 'xxx"),
    ("engines.llm.model=~nobody-has-this-home/x", "RECIPE: engines.llm.model: there is no home folder"),
    ("name=My corpus", "RECIPE: name: 'My corpus' can't be a name: take small letters, digits and _, a letter first"),
    ("sources={../up: {path: data/alpaca_sample.json, layout: alpaca, licence: MIT}}", "'../up' can't be a name"),
    ("engines.Llm={backend: llm_null}", "RECIPE: engines.Llm: 'Llm' can't be a name"),
    ("nmae=x", "RECIPE: nmae: unknown key; did you mean 'name'?"),
    ("stages.speak_answer.voices=af_sarah", "RECIPE: stages.speak_answer.voices: a list is wanted, [af_sarah] say"),
    ("stages.speak_answer.voices=[x, y]", "RECIPE: stages.speak_answer.voices: no voice 'x', 'y' in tts; there is"),
    ("engines.llm={bakend: llm_null}", "RECIPE: engines.llm.backend: this key is needed; 'bakend' is none of the keys"),
    ("sources.alpaca.path=data", "is a folder; name its files, data/*.jsonl say"),
    ("stages.rewrite.stage=stages.rewrite.run", "stages.rewrite: no stage 'stages.rewrite.run': 'stages.rewrite' is a module"),
    ("stages.speak_query.attempts=1000000000000", "stages.speak_query.attempts: input should be less than or equal to 9"),
    ("stages.speak_query.of=[query]", "stages.speak_query.of: the name of a group is wanted: query, answer, continuation"),
    ("stages.speak_answer.voices=[[af_heart]]", "stages.speak_answer.voices: no voice '['af_heart']' in tts; did you mean"),
    ("seed=many", "RECIPE: seed: input should be a valid integer"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "message"), CASES, ids=[case[0].split("=")[0][:40] for case in CASES])
def test_a_wrong_key(capsys: pytest.CaptureFixture[str], tmp_path: Path, override: str, message: str) -> None:
    assert message in complaint(capsys, tmp_path, None, override)


def test_a_column_nobody_writes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    message = complaint(capsys, tmp_path, lambda recipe: recipe["stages"].pop("normalise_answer"))
    assert "stages.speak_answer: reads 'answer_spoken', which no stage writes and no source gives" in message
    assert "add a stage normalise (of: answer)" in message


def test_two_writers_of_one_column(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    message = complaint(
        capsys,
        tmp_path,
        lambda recipe: recipe["stages"].update(zagain={**recipe["stages"]["rewrite"], "stage": "rewrite"}),
    )
    assert (
        "RECIPE: stages.zagain: writes 'query_text', 'query_method', 'query_attempts', and so does rewrite" in message
    )


def test_an_undefined_variable_in_a_prompt(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    prompt = tmp_path / "p.jinja"
    prompt.write_text("Answer {{ qeury }}")
    message = complaint(capsys, tmp_path, None, f"stages.respond.prompt={prompt}")
    assert "uses the variable 'qeury', which the stage doesn't give; did you mean 'query'?" in message


def test_a_prompt_that_says_the_same_for_every_row(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    prompt = tmp_path / "p.jinja"
    prompt.write_text("Answer briefly.")
    message = complaint(capsys, tmp_path, None, f"stages.respond.prompt={prompt}")
    assert "uses no variable, so every row would be asked the same; the stage gives query" in message
    prompt.write_bytes(b"caf\xe9 {{ query }}")
    assert "not UTF-8 text (byte 3)" in complaint(capsys, tmp_path, None, f"stages.respond.prompt={prompt}")


def test_clips_that_nobody_picks(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    message = complaint(capsys, tmp_path, lambda recipe: recipe["stages"].pop("pick_query"))
    assert "stages.speak_query: its clips would reach no dataset; add a stage pick (of: query)" in message


def test_a_key_that_is_there_twice(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text("name: x\nseed: 1\nseed: 2\n")
    assert main(["plan", str(path)]) == 2
    assert "twice.yaml, line 3: not YAML: the key 'seed' is there twice" in capsys.readouterr().err


def test_profiles(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    changes = {"name": "tiny", "sources.alpaca.limit": 3, "engines.llm": {"backend": "llm_null"}}
    path.write_text(yaml.safe_dump(QUICKSTART | {"profiles": {"tiny": changes, "bad": {"seed.x": 1}}}))
    plain = load_recipe(str(path))
    files = {"sources": {name: {"path"} for name in plain.sources}}  # each beside its own recipe
    assert plain.model_dump(exclude=files) == load_recipe("configs/quickstart.yaml").model_dump(exclude=files)
    small = load_recipe(str(path), ["seed=3"], "tiny")
    assert (small.name, small.sources["alpaca"].limit, small.seed) == ("tiny", 3, 3)
    assert small.engines["llm"] == {"backend": "llm_null"} and small.engines["tts"] == plain.engines["tts"]
    for name, message in (
        ("tinny", "no profile 'tinny'; did you mean 'tiny'?"),
        ("bad", "profiles.bad.seed.x: 'seed'"),
    ):
        assert main(["plan", str(path), "--profile", name]) == 2
        assert message in capsys.readouterr().err


def test_a_broken_template(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    prompt = tmp_path / "p.jinja"
    prompt.write_text("Answer\n{{ query")
    assert "p.jinja, line 2: not a Jinja template" in complaint(
        capsys, tmp_path, None, f"stages.respond.prompt={prompt}"
    )


def test_a_missing_recipe_and_bad_yaml(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["plan", "configs/quikstart.yaml"]) == 2
    assert "no such recipe; did you mean 'configs/quickstart.yaml'?" in capsys.readouterr().err
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: [")
    assert main(["plan", str(bad)]) == 2
    assert "not YAML" in capsys.readouterr().err


def test_unknown_stage_names_on_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    store = f"store={tmp_path}/store"
    assert main(["plan", "configs/quickstart.yaml", "--only", "respnd", "--set", store]) == 2
    assert "no stage 'respnd'; did you mean 'respond'?" in capsys.readouterr().err


def test_a_model_that_is_not_there(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOXSMITH_CACHE", str(tmp_path / "cache"))
    assert main(["run", "configs/quickstart.yaml", "--set", f"store={tmp_path}/store"]) == 2
    error = capsys.readouterr().err
    assert "get it with: voxsmith fetch smollm2-135m-instruct" in error
    assert "engines.tts.model: " in error, "what is wanted hours later is told of now"


def test_of_several_models_the_one_that_is_missing_has_its_own_key(tmp_path: Path) -> None:
    (tmp_path / "hubert.pt").write_bytes(b"")
    for backend, key, model in (
        ("units_hubert", "codebook", "nope/km.npy"),
        ("llm_vllm", "adapter", "nope/adapter.d"),
        ("llm_vllm", "model", "nope.gguf"),
    ):
        engine = {"backend": backend, "model": str(tmp_path / "hubert.pt")} | {key: model}
        engine |= {"layer": 9} if backend == "units_hubert" else {}
        path = write_recipe(tmp_path, [], engines={"llm": {"backend": "toys.llm"}, "other": engine})
        with pytest.raises(RecipeError) as error:
            open_state(path)
        assert str(error.value) == f"{path}: engines.other.{key}: no such model file or folder: {model}"


def test_a_cycle(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (ROOT / "tests" / "toys" / "words.py").read_text()
    loops = source.replace('("query_text",)', '("answer_text",)').replace('("query_spoken",)', '("query_text",)')
    (tmp_path / "loops").mkdir()
    (tmp_path / "loops" / "words.py").write_text(loops.replace('row["query_text"]', 'row["answer_text"]'))
    monkeypatch.syspath_prepend(str(tmp_path))
    stages = {"toy_loop": {"stage": "loops.words"}, "toy_count": COUNT | {"engine": "llm"}}
    path = write_recipe(tmp_path, ["x"], stages=stages)
    assert main(["plan", path]) == 2
    assert "a cycle: toy_" in capsys.readouterr().err


def test_a_misspelt_stage_in_an_override(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    message = complaint(capsys, tmp_path, None, "stages.speek_query.of=query")
    assert "stages.speek_query: no stage 'speek_query'; did you mean 'speak_query'?" in message


def test_files_are_looked_for_beside_the_recipe_and_where_the_command_runs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    quickstart, store = str(ROOT / "configs/quickstart.yaml"), f"store={tmp_path}/store"
    assert main(["plan", quickstart, "--set", store]) == 0
    capsys.readouterr()
    assert main(["plan", quickstart, "--set", store, "--set", "sources.alpaca.path=mine/rows.jsonl"]) == 2
    error = capsys.readouterr().err
    assert f"looked in {ROOT}/configs, beside the recipe, and in {tmp_path}/elsewhere, where the command runs" in error


def test_a_folder_that_cannot_be_written_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, ["x"])
    run_inline(open_state(path))
    (tmp_path / "file").touch()
    assert main(["export", path, "--set", f"out={tmp_path}/file/out"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"{path}: out: {tmp_path}/file is no folder; name another folder in `out`"


@pytest.mark.parametrize("model", ["whisper-bse", "/nope"])
def test_a_model_that_cannot_be(capsys: pytest.CaptureFixture[str], tmp_path: Path, model: str) -> None:
    message = complaint(capsys, tmp_path, None, f"engines.asr={{backend: asr_whisper, model: {model}}}")
    assert "engines.asr.model: " in message and model in message


@pytest.mark.parametrize("value", ["0x_", "!!int abc", "1" * 5000, "[" * 3000 + "]" * 3000])
def test_a_value_that_yaml_cannot_read_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, value: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"name: {value}\n")
    for arguments in (["plan", str(path)], ["plan", "configs/quickstart.yaml", "--set", f"seed={value}"]):
        assert main(arguments) == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert "not YAML" in line


def test_a_profile_whose_name_is_a_number(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(QUICKSTART | {"profiles": {1: {"seed": 5}, "b": {3: 1}}}))
    assert load_recipe(str(path), profile="1").seed == 5
    assert main(["plan", str(path), "--profile", "c"]) == 2
    assert "no profile 'c'; there is 1, b" in capsys.readouterr().err
    assert main(["plan", str(path), "--profile", "b"]) == 2
    assert "3: unknown key" in capsys.readouterr().err


def test_a_store_that_is_the_folder_of_datasets(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "both")
    message = complaint(capsys, tmp_path, None, f"store={tmp_path}/both", f"out={tmp_path}/link")
    assert message == "RECIPE: store: it is the same folder as `out`; give each a folder of its own"


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan", "RECIPE", "--limit", "1" * 5000],
        ["diff", "RECIPE", "--rows", "1" * 5000],
        ["explain", "RECIPE", "rewrite", "1" * 5000],
        ["publish", "RECIPE", "--to", "~nobody-has-this-home/x"],
        ["new", "quickstart", "~nobody-has-this-home/x"],
        ["plan", "~nobody-has-this-home/recipe.yaml"],
        ["doctor", "x" * 5000],
    ],
    ids=lambda arguments: arguments[0],
)
def test_an_argument_that_cannot_be_taken(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert end.value.code == 2 and "error: argument " in last and len(last) < 200 and "invalid" not in last


def test_a_home_folder_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell does it: nothing makes a folder that is called ~."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, text in {"p.jinja": "{{ task }}", "c.jsonl": "", "rows.jsonl": '{"instruction": "x"}\n'}.items():
        (tmp_path / name).write_text(text)
    changes = {
        "store": "~/store",
        "out": "~/out",
        "overrides": "~/c.jsonl",
        "sources": {"rows": {"path": "~/*.jsonl", "layout": "alpaca", "licence": "MIT"}},
        "engines.llm.model": "~/p.jinja",
        "engines.llm.resources.python": "~/python",
        "stages": {"rewrite": {"engine": "llm", "prompt": "~/p.jinja"}},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(QUICKSTART))
    graph = build_graph(load(Path("~/recipe.yaml"), changes).recipe, "recipe.yaml")
    recipe = graph.recipe
    assert [recipe.store, recipe.out, recipe.overrides] == [
        f"{tmp_path}/{name}" for name in ("store", "out", "c.jsonl")
    ]
    assert recipe.sources["rows"].path == f"{tmp_path}/*.jsonl"
    llm = graph.engines["llm"].config
    assert (llm.model, llm.resources.python) == (f"{tmp_path}/p.jinja", f"{tmp_path}/python")
    assert graph.nodes["rewrite"].config.prompt.path == f"{tmp_path}/p.jinja"
    assert main(["new", "quickstart", "~/started"]) == 0 and (tmp_path / "started/quickstart.yaml").is_file()


@pytest.mark.parametrize(
    ("column", "advice"),
    [
        ("heard", "add a stage listen (of: row)"),
        ("query_heard_1", "add a stage listen (of: query)"),
        ("augmented_mos", "add a stage rate (of: augmented)"),
        ("augmented_wer", "add a stage verify (of: augmented)"),
        ("continuation_audio", "add a stage pick (of: continuation)"),
        ("continuation_audio_3", "add a stage speak (of: continuation)"),
        ("spoken", "add a stage normalise (of: row)"),
        ("transcript", "add a stage clean_transcript (of: row)"),
        ("translation_de", "add a stage translate (of: row, to: de)"),
        ("instruction", ""),
    ],
)
def test_who_would_write_a_column(column: str, advice: str) -> None:
    assert check._writers(column) == advice
