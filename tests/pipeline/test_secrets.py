"""Keys, tokens and passwords: known by their shape or from the environment, and refused in recipes and prompts."""

from pathlib import Path

import pytest

from tests.helpers.recipes import write_recipe
from voxsmith.pipeline import api
from voxsmith.pipeline.cli import main
from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.secrets import Secrets, secrets_here

# Made up, and put together here, so that nobody's scanner takes this file for a leak.
SECRETS = {
    "hub": "hf_" + "QwErTyUiOp" * 3,
    "llm": "sk-" + "proj-a1B2c3D4e5F6g7H8i9",
    "aws": "AKIA" + "QWERTYUIOP123456",
    "github": "ghp_" + "a1B2c3D4e5" * 4,
    "google": "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
    "address": "https://" + "me:hunter2@example.org/v1",
    "key": "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "environment": "correct-horse-battery",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIR_API_KEY", SECRETS["environment"])


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_known_in_any_text(name: str) -> None:
    secrets, value = secrets_here(), SECRETS[name]
    for text in (value, f"Use {value}, please.", f'{{"key": "{value}"}}', f"<b>{value}</b>"):
        assert secrets.kind_in(text), text
        assert value not in secrets.hide(text)
    assert value not in str(secrets.kind_in(value))


@pytest.mark.parametrize(
    "text",
    [
        "hf_hub_download, and hf_ alone",
        "sk-hynix-announces-new-chips-for-2024",
        "a risk-averse task-oriented desk-bound clerk",
        "https://example.org:8080/a@b:c and git@example.org:x.git and ssh://git@example.org",
        "postgres://${USER}:${PASSWORD}@host, https://user:<password>@host, https://u:{{ password }}@h",
        "s3://bucket/prefix?endpoint_override=127.0.0.1:9000&scheme=http",
        "AKIA stands for access key",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert secrets_here().kind_in(text) is None


def test_which_variables_hold_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Words, numbers and paths can't be told from texts; a variable that a recipe names is one, whatever it is called."""
    for name, value in {
        "TOKENIZERS_PARALLELISM": "false-or-true",
        "MAX_TOKENS": "4096",
        "KEYBOARD": "qwerty-us-intl",
        "SOME_TOKEN": "elephant",
        "SOME_KEY_FILE": "keys/some.pem",
        "OTHER_KEY": "/home/me/key.pem",
        "LOGIN": "open-sesame-1001",
    }.items():
        monkeypatch.setenv(name, value)
    known = secrets_here().values
    assert (
        SECRETS["environment"] in known and not {"elephant", "4096", "keys/some.pem", "/home/me/key.pem"} & known.keys()
    )
    assert "open-sesame-1001" not in known and "open-sesame-1001" in secrets_here(["LOGIN"]).values
    quoted = Secrets({'a"b<c>ü12': "it"})
    assert all(quoted.kind_in(text) == "it" for text in (r"a\"b<c>ü12", r"a\"b<c>\u00fc12", "a&#34;b&lt;c&gt;ü12"))


def test_places_are_named_without_the_secret() -> None:
    value = SECRETS["hub"]
    loop: dict[str, object] = {"a": [1, {"licence": value}], value: {"b": SECRETS["llm"]}}
    loop["again"] = loop
    places = [place for place, _ in secrets_here().within(loop)]
    assert places == ["a.1.licence", "(a key)", "(secret).b"]


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "field",
    [
        "sources__rows__licence",
        "sources__rows__path",
        "export__licence",
        "engines__llm__model",
        "engines__llm__api_key",
        "store",
        "out",
        "stages__toy_shout__style",
        "name",
    ],
)
@pytest.mark.parametrize("verb", ["plan"])
def test_no_field_of_a_recipe_holds_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, field: str, name: str, verb: str
) -> None:
    """Known keys and unknown ones; whatever else is wrong with them, the message doesn't repeat the value."""
    path, value = write_recipe(tmp_path / "plain", ["x"]), SECRETS[name]
    key = field.replace("__", ".")
    assert main([verb, path, "--set", f"{key}='{value}'"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err and value not in captured.err and "hunter2" not in captured.err
    changed = write_recipe(tmp_path, ["x"], **{field: value} if field != "name" else {"seed": value})
    assert main([verb, changed]) == 2
    assert value not in capsys.readouterr().err
    assert not (tmp_path / "store").exists() and not (tmp_path / "out").exists()


def test_every_command_and_the_api_refuse_such_a_recipe(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write_recipe(tmp_path, ["x"], sources__rows__licence=f"MIT, ask with {SECRETS['hub']}")
    for verb in ("plan", "run", "status", "rejects", "doctor", "export", "report", "diff", "gc"):
        assert main([verb, path]) == 2
        error = capsys.readouterr().err
        assert "sources.rows.licence: holds what looks like a token of the Hub; a recipe holds no keys" in error
        assert SECRETS["hub"] not in error
    assert main(["publish", path, "--to", str(tmp_path / "there")]) == 2
    with pytest.raises(RecipeError, match=r"export\.licence: holds") as error_:
        api.load({"name": "x", "sources": {}, "stages": {}} | {}, {"export.licence": SECRETS["hub"]})
    assert SECRETS["hub"] not in str(error_.value)


def test_no_prompt_holds_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "ask.jinja").write_text(f"Say it.\n{{# {SECRETS['llm']} #}}\n{{{{ task }}}} {{{{ context }}}}\n")
    stages = {"rewrite": {"engine": "llm", "prompt": "ask.jinja"}}
    engines = {"llm": {"backend": "llm_null"}}
    path = write_recipe(tmp_path, ["x"], stages=stages, engines=engines)
    assert main(["plan", path]) == 2
    error = capsys.readouterr().err
    assert "ask.jinja, line 2: holds what looks like a key" in error and SECRETS["llm"] not in error, error
