"""The arrows between the rooms run one way, and Ray stays in pipeline/."""

import ast
from pathlib import Path

from tests.helpers.paths import ROOT

MAY_IMPORT = {
    "schemas": {"schemas"},
    "models": {"schemas", "models"},
    "stages": {"schemas", "models", "stages"},
    "pipeline": {"schemas", "models", "stages", "pipeline"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def modules() -> list[tuple[str, Path]]:
    return [(room, path) for room in MAY_IMPORT for path in sorted((ROOT / room).rglob("*.py"))]


def test_rooms_import_only_what_they_may() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path in modules()
        for name in imports(path)
        if name.split(".")[0] in MAY_IMPORT and name.split(".")[0] not in MAY_IMPORT[room]
    ]
    assert wrong == []


def test_the_pipeline_knows_engines_by_their_contract_alone() -> None:
    """Of stages it imports the registry, what a stage and a request is, how models are found, and what replies come to."""
    engines = {"stages.engines", "stages.engines.base", "stages.engines.usage"}
    allowed = engines | {"stages.registry", "stages.stage", "stages.context"}
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path in modules()
        for name in imports(path)
        if room == "pipeline"
        and name.startswith("stages.")
        and name not in allowed
        and not name.startswith("stages.requests.")
    ]
    assert wrong == []


def test_ray_is_in_the_pipeline_alone() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for room, path in modules()
        if room != "pipeline" and any(name.split(".")[0] == "ray" for name in imports(path))
    ]
    assert wrong == []


def test_no_file_is_too_long() -> None:
    files = [path for folder in (*MAY_IMPORT, "tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert [str(path) for path in files if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []
