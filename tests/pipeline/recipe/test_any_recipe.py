"""Whatever stands in a recipe, `--set` or a profile: exit code 0, 1 or 2, one line for each mistake, never a traceback."""

import io
import os
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.helpers.recipes import ROOT
from voxsmith.pipeline.cli import main

QUICKSTART = (ROOT / "configs" / "quickstart.yaml").read_text()
RECIPE = yaml.safe_load(QUICKSTART)
# Of keys that the quickstart leaves to their defaults, some of each part.
MORE = [
    "store", "out", "overrides", "profiles", "rates", "rates.llm", "rates.llm.per_million", "checks", "checks.query_text",
    "checks.query_text.min_kept", "checks.answer_clip.max_wer", "checks.max_reject_ratio", "export.gates",
    "export.gates.max_query_wer", "export.shard_bytes", "export.report_rows", "export.licence", "sources.alpaca.turns",
    "sources.alpaca.columns", "sources.hopeless.columns.query_text", "sources.alpaca.config", "sources.ultrachat.turns.mean",
    "engines.llm.model", "engines.llm.licence", "engines.tts.model", "engines.llm.resources.batch",
    "engines.llm.resources.patience", "engines.llm.resources.python", "stages.rewrite.stage", "stages.rewrite.attempts",
    "stages.rewrite.scripts", "stages.rewrite.temperature", "stages.speak_query.speeds", "stages.speak_query.loudness",
    "stages.speak_query.references", "stages.fit_units.sample_rows", "stages.another", "engines.another", "nothing", "",
]  # fmt: skip


def paths(keys: dict[str, Any], above: str = "") -> Iterator[str]:
    for name, value in keys.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from paths(value, f"{above}{name}.")


NESTED = "[" * 3000 + "]" * 3000
LAUGHS = "{a: &a [x, x, x, x, x, x, x, x, x], " + ", ".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 9)}]" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
) + "}"  # fmt: skip
MERGES = "{a: &a {x: 1}, " + ", ".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{below}'] * 9)}]}}" for below, name in zip("abcdefgh", "bcdefghi", strict=True)
) + "}"  # fmt: skip
ODD = [
    "2024-99-99", "2024-02-30T25:61:61", "0x_", "0b_", "0o8", "089", "1:99:99", "1" * 5000, "-" + "1" * 5000, "1" + "0" * 20,
    "18446744073709551615", "9223372036854775807", "-1", "0", ".nan", ".inf", "-.inf", "1e999", "!!int abc", "!!int ''",
    "!!float x", "!!bool x", "!!null x", "!!binary aGk=", "!!set {a, b}", "!!omap [a: 1]", "!!pairs [a: 1]",
    "!!timestamp 2001-99-99", "!!python/object/apply:os.system [id]", "!mine x", '"\\0"', '"\\ud800"', '"\\x1b[31m"', "''",
    '"\\n\\n"', "~", "null", "true", "on", "[]", "{}", "[[]]", "[null]", "{1: 2}", "{null: 1}", "{[a]: b}", "{? {a: b} : c}",
    "{a: 1, a: 2}", "{<<: 3}", "{<<: [{a: 1}, {b: 2}]}", "&a [*a]", "{a: &a {b: *a}}", "{a: &a {<<: *a}}", "*nothing", "=",
    "<<", "'", '"', "[", "{", "}", "a: b: c", "- a", "---", "--- a\n--- b", "%YAML 9.9", "\t", "\ta", "\ufeffa", "@", "`", "#",
    "a" * 300, "../..", "/", "/dev/null", "/dev/zero", "~/x", "~nobody-has-this-home/x", "memory://x", "s3://", "file://", "x://y",
    "http://127.0.0.1:9/x", "hub:", "hub:a/b", "https://", "all", "*", "query", "llm", "rewrite", "os.path", "a.b.c", NESTED,
    LAUGHS, MERGES,
]  # fmt: skip

scalars = (
    st.sampled_from(ODD)
    | st.integers().map(str)
    | st.floats().map(repr)
    | st.dates().map(str)
    | st.text(max_size=20)
    | st.text(max_size=20).map(lambda text: yaml.safe_dump(text, default_style='"').strip())
)
flow = st.sampled_from([one for one in ODD if len(one) < 100]) | st.integers().map(str)
values = scalars | st.recursive(
    flow,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(flow, inner, max_size=4).map(
            lambda items: f"{{{', '.join(f'{k}: {v}' for k, v in items.items())}}}"
        )
    ),
    max_leaves=8,
)
keys = st.sampled_from([*paths(RECIPE), *MORE])
PLACE = "a-value-goes-here"
FAST = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Holds what the quickstart names; the commands run in an empty folder."""
    for name in ("prompts", "data"):
        (tmp_path / name).symlink_to(ROOT / "configs" / name)
    (tmp_path / "here").mkdir()
    with chdir(tmp_path / "here"):
        yield tmp_path


def run(arguments: list[str]) -> tuple[int, list[str]]:
    """The exit code, and the lines on stderr. A traceback is an error of the test."""
    errors = io.StringIO()
    with redirect_stdout(io.StringIO()), redirect_stderr(errors):
        code = main(arguments)
    return code, errors.getvalue().removesuffix("\n").split("\n") if errors.getvalue() else []


def is_clean(folder: Path, verb: list[str], *arguments: str) -> None:
    code, lines = run([verb[0], str(folder / "recipe.yaml"), *verb[1:], *arguments])
    assert code in (0, 1, 2)
    assert (code == 2) <= bool(lines), "a mistake is named"
    assert len(lines) <= 60 and all(0 < len(line) < 3000 for line in lines), lines
    if code == 2:
        named = ("recipe.yaml: ", "recipe.yaml, line ", "--set ", "overrides")
        assert all(any(name in line for name in named) for line in lines), lines
    assert os.listdir(folder / "here") == [], "nothing is written"


VERBS = st.sampled_from([["plan"], ["plan", "--limit", "8"], ["doctor"], ["status"], ["explain", "rewrite"]])


@FAST
@given(keys, values, VERBS)
@example("sources.alpaca.limit", "1" + "0" * 20, ["plan"])
@example("engines.llm.backend", LAUGHS, ["plan"])
@example("stages.rewrite.stage", LAUGHS, ["plan"])
@example("stages.rewrite.engine", "[llm]", ["plan"])
@example("name", '"\\ud800"', ["plan"])
@example("sources.alpaca.path", '"\\ud800"', ["plan"])
@example("stages.rewrite.prompt", '"\\0"', ["plan"])
@example("profiles", MERGES, ["plan"])
def test_any_value_with_set(folder: Path, key: str, value: str, verb: list[str]) -> None:
    (folder / "recipe.yaml").write_text(QUICKSTART)
    is_clean(folder, verb, f"--set={key}={value}")


@FAST
@given(keys, values, VERBS, st.booleans())
@example("seed", "1" * 5000, ["plan"], False)
@example("sources.alpaca.licence", "2024-99-99", ["plan"], False)
@example("sources.alpaca.licence", "2024-99-99", ["plan"], True)
@example("engines", LAUGHS, ["plan"], False)
@example("checks", MERGES, ["plan"], False)
@example("store", NESTED, ["plan"], True)
def test_any_value_in_the_file(folder: Path, key: str, value: str, verb: list[str], in_a_profile: bool) -> None:
    recipe = yaml.safe_load(QUICKSTART)
    if in_a_profile:
        recipe["profiles"] = {"one": {key: PLACE}}
    else:
        *parents, last = key.split(".")
        place = recipe
        for part in parents:
            place[part] = place[part] if isinstance(place.get(part), dict) else {}
            place = place[part]
        place[last] = PLACE
    text = yaml.safe_dump(recipe, sort_keys=False).replace(PLACE, value)
    (folder / "recipe.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
    is_clean(folder, verb, *(["--profile", "one"] if in_a_profile else []))


@FAST
@given(st.data())
def test_any_text_as_a_recipe(folder: Path, data: st.DataObject) -> None:
    """The quickstart with parts taken out, doubled or put in."""
    text = QUICKSTART
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 60)))
        text = (
            text[:start]
            + data.draw(st.sampled_from(["", text[start:end] * 2, *"\t\n:[]{}&*!|>'\"%@`-?,#\0"]) | values)
            + text[end:]
        )
    (folder / "recipe.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    is_clean(folder, ["plan"])


@FAST
@given(st.binary(max_size=200))
def test_any_bytes_as_a_recipe(folder: Path, content: bytes) -> None:
    (folder / "recipe.yaml").write_bytes(content)
    is_clean(folder, ["plan"])


@FAST
@given(values)
def test_any_text_as_a_prompt(folder: Path, text: str) -> None:
    (folder / "recipe.yaml").write_text(QUICKSTART)
    (folder / "p.jinja").write_bytes(
        f"{{{{ query }}}} {text} {{% {text} %}} {{{{ query | {text} }}}}".encode("utf-8", "surrogatepass")
    )
    is_clean(folder, ["plan"], f"--set=stages.respond.prompt={folder}/p.jinja")


@FAST
@given(
    st.sampled_from(
        ["plan R --profile {}", "plan R --only {}", "plan R --from {}", "plan R --limit {}", "explain R {}", "explain R rewrite {}",
         "diff R {}", "diff R last {} --rows 0", "plan {}", "plan R --set {}", "keys {}", "doctor {}"]
    ),
    values.filter(lambda value: not value.startswith("-")),
)  # fmt: skip
def test_any_argument(folder: Path, command: str, value: str) -> None:
    (folder / "recipe.yaml").write_text(QUICKSTART)
    names = {"R": str(folder / "recipe.yaml")}
    arguments = [names.get(part, part.replace("{}", value)) for part in command.split(" ")]
    try:
        code, lines = run(arguments)
    except SystemExit as end:  # argparse
        assert end.code == 2
        return
    assert code in (0, 1, 2) and all(0 < len(line) < 3000 for line in lines), lines
