"""The dataset card: README.md with the header that the Hub reads."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from voxsmith.pipeline.export.writer import DATA_FILES
from voxsmith.pipeline.recipe.licences import licence_id, parts
from voxsmith.pipeline.report.statistics import Statistics
from voxsmith.pipeline.report.teacher_mass import table
from voxsmith.pipeline.store.code import source_file
from voxsmith.pipeline.terminal import printable
from voxsmith.pipeline.watch.durations import length
from voxsmith.schemas.columns import AUGMENTED, CONTINUATION, ROW, SIDES, column, own_language
from voxsmith.schemas.languages import LANGUAGES
from voxsmith.stages.registry import PartError, stage_module

_SIZES = (
    ("n<1K", 10**3),
    ("1K<n<10K", 10**4),
    ("10K<n<100K", 10**5),
    ("100K<n<1M", 10**6),
    ("1M<n<10M", 10**7),
    ("10M<n<100M", 10**8),
)
_TASKS = ["automatic-speech-recognition", "text-to-speech"]
_PAIRED_TASKS = [*_TASKS, "audio-to-audio"]
_TAGS = ["speech", "voxsmith"]
_PAIRED_TAGS = ["speech", "spoken-instructions", "speech-to-speech", "synthetic", "voxsmith"]
_VALUES = 200  # of a label that the card lists
_OTHER_COLUMNS = {
    "provenance": "for each stage that asked a model: engine, model and the store's object",
    "text": "what is said in the clip",
}


@dataclass(frozen=True)
class Published:
    """Where the published files are: the header's `configs`, the Python that loads them, bytes of the data files. Where the
    columns are called otherwise there: the header's `dataset_info`, one of each configuration, and a remark, Markdown.
    """

    configs: list[dict[str, Any]]
    load: str
    size: int
    infos: list[dict[str, Any]] = field(default_factory=list)
    remark: str = ""


def render_card(manifest: dict[str, Any], statistics: Statistics, published: Published | None = None) -> str:
    """The card of the folder that holds `dataset`, `rejects` and the manifest: YAML header, then Markdown.

    `published`: the card of what is published of that folder instead.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=False,  # Markdown: `cell` guards what comes from rows and recipes
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": _cell, "duration": length, "things": things}
    features = published.infos[0]["features"] if published and published.infos else statistics.features
    names = {one["name"] for one in features}
    header = yaml.safe_dump(_header(manifest, statistics, published), sort_keys=False, allow_unicode=True, width=1000)
    return environment.get_template("card.md.jinja").render(
        header=header,
        manifest=manifest,
        statistics=statistics,
        stages=_stages(manifest),
        judges=_judges(manifest),
        columns=[(one["name"], _type(one), _meaning(one["name"], statistics)) for one in features],
        paired=_is_spoken(statistics),
        checks=_checks(manifest),
        audio=next((one["name"] for one in features if _type(one).startswith("Audio")), None),
        text=next((name for name in ("instruction", "transcript") if name in names), "id"),
        labels=_shown(statistics),
        teachers={task: table(mass) for task, mass in statistics.teachers.items()},
        split=next(iter(statistics.splits), "train"),
        load=published.load if published else None,
        remark=published.remark if published else "",
    )


def _header(manifest: dict[str, Any], statistics: Statistics, published: Published | None) -> dict[str, Any]:
    export = manifest.get("recipe", {}).get("export") or {}
    claim = export.get("licence")
    named = [part for name in ([claim] if claim else statistics.licences) for part in parts(name)]
    licences = [licence_id(name) for name in named] or ["other"]
    header: dict[str, Any] = {"license": licences[0] if len(set(licences)) == 1 else sorted(set(licences))}
    if "other" in licences:
        header["license_name"] = claim or "see-the-licence-column"
        header["license_link"] = "README.md#licences"
    splits = export.get("splits") or {}
    # `datasets` wants each split in `configs` and `dataset_info` alike, and each of them to have rows.
    shares = {name: share for name, share in statistics.splits.items() if share.rows} or statistics.splits
    files = [{"split": name, "path": f"dataset/{name}/{DATA_FILES}"} for name in splits if name in shares]
    configs = [{"config_name": "default", "data_files": files or [{"split": "train", "path": f"dataset/{DATA_FILES}"}]}]
    if manifest["counts"]["rejects"]:
        lost = [{"split": "rejects", "path": f"rejects/{DATA_FILES}"}]
        configs.append({"config_name": "rejects", "data_files": lost})
    if manifest.get("preferences"):
        pairs = [name for name, count in manifest["preferences"].items() if count]
        place = "preferences/{}/" if splits else "preferences/"
        files = [{"split": name, "path": f"{place.format(name)}{DATA_FILES}"} for name in pairs]
        configs += [{"config_name": "preferences", "data_files": files}] if files else []
    if published:
        configs = published.configs
    size = sum(statistics.split_bytes.values())
    return header | {
        "language": sorted(statistics.labels.get("language", {})) or ["en"],
        "pretty_name": manifest["name"],
        "task_categories": _PAIRED_TASKS if _is_spoken(statistics) else _TASKS,
        "tags": _PAIRED_TAGS if _is_spoken(statistics) else _TAGS,
        "size_categories": [next((name for name, limit in _SIZES if statistics.rows < limit), "100M<n<1B")],
        "configs": configs,
        "dataset_info": (published.infos if published else None)
        or {
            "config_name": "default",
            "features": statistics.features,
            "splits": [
                {"name": name, "num_bytes": statistics.split_bytes.get(name, 0), "num_examples": share.rows}
                for name, share in shares.items()
            ],
            **({"download_size": published.size} if published else {}),
            "dataset_size": size,
        },
    }


def _stages(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The funnel's stages with what each does and the engine that it asks."""
    settings = manifest.get("recipe", {}).get("stages") or {}
    stages = []
    for step in manifest.get("funnel", []):
        name = step["stage"]
        own = settings.get(name) or settings.get(re.sub(r"_\d+$", "", name)) or {}
        kind = own.get("stage", re.sub(r"_\d+$", "", name))
        stages.append({**step, "engine": own.get("engine"), "does": _does(kind)})
    return stages


def _judges(manifest: dict[str, Any]) -> dict[str, str]:
    """The models that judged, by whose text."""
    recipe, engines = manifest.get("recipe", {}), manifest["engines"]
    stages = [(name, stage or {}) for name, stage in (recipe.get("stages") or {}).items()]
    named = {
        str(stage.get("of")): engines.get(stage.get("engine"), {})
        for name, stage in stages
        if stage.get("stage", name) == "judge"
    }
    return {of: str(engine.get("model", engine.get("backend", ""))) for of, engine in named.items()}


def _is_paired(statistics: Statistics) -> bool:
    """Whether rows are a query and its answer; else they are utterances, or whatever a recipe makes of them."""
    names = {feature["name"] for feature in statistics.features}
    return any(name.startswith(f"{side}_") for side in SIDES for name in names) or not names


def _is_spoken(statistics: Statistics) -> bool:
    """Whether rows are a query and its answer, of which one is spoken at least."""
    return _is_paired(statistics) and (not statistics.features or any(side in statistics.seconds for side in SIDES))


def _checks(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Limits that stages of the recipe held rows to, by group; of a manifest that doesn't say which, all."""
    checks = manifest.get("recipe", {}).get("checks") or {}
    judged = checks.get("judged")
    gates = {f"judged_{group}": limits for group, limits in (judged if isinstance(judged, dict) else {}).items()}
    checks = {name: limits for name, limits in checks.items() if name != "judged"} | gates
    groups = {group: plain_limits(limits) for group, limits in checks.items() if isinstance(limits, dict)}
    applied = manifest.get("checks_applied")
    return groups if applied is None else {group: groups[group] for group in groups if group in applied}


def plain_limits(limits: dict[str, Any]) -> dict[str, Any]:
    """The limits by name; those of one source alone by "source: name", and nothing of what it leaves as it is."""
    plain = {name: limit for name, limit in limits.items() if name != "sources"}
    sources = limits.get("sources")
    for source, own in sources.items() if isinstance(sources, dict) else ():
        plain |= {f"{source}: {name}": limit for name, limit in own.items() if limit is not None}
    return plain


def _shown(statistics: Statistics) -> dict[str, list[tuple[str, Any]]]:
    """The values of each label, the most frequent first."""
    return {name: list(shares.items())[:_VALUES] for name, shares in statistics.labels.items()}


def _does(kind: str) -> str:
    """The first line of the stage's module docstring, without importing it."""
    fixed = {"sources": "reads the sources; what can't be spoken is rejected", "export": "gates, splits, writes"}
    try:
        file = source_file(stage_module(kind))
    except PartError:
        file = None
    if kind in fixed or file is None:
        return fixed.get(kind, "")
    match = re.match(r'\s*"""(?:`\w+`: )?(.+)', file.read_text(encoding="utf-8"))
    return match[1].removesuffix('"""').strip() if match else ""


def _type(feature: dict[str, Any]) -> str:
    if "list" in feature:
        inner = feature["list"]
        return f"list of {inner if isinstance(inner, str) else 'struct'}"
    dtype = feature.get("dtype", "struct")
    if isinstance(dtype, dict):
        return f"Audio, {dtype['audio']['sampling_rate']} Hz"
    return "Audio" if dtype == "audio" else str(dtype)


def _meaning(name: str, statistics: Statistics) -> str:
    known = column(name)
    return known.doc if known else _OTHER_COLUMNS.get(name) or _cell(statistics.meanings.get(name, ""))


def things(group: str) -> str:
    """What the clips of a group are called."""
    names = {"query": "queries", "answer": "answers", CONTINUATION: "continuations", AUGMENTED: "augmented clips"}
    if language := own_language(group):
        return f"translations into {LANGUAGES[language]}"
    return {**names, ROW: "speech"}.get(group, group)


def _cell(value: Any) -> str:
    """Text that can't leave its table cell, nor become markup, nor give orders to a terminal that shows the file."""
    text = printable(" ".join(str(value).split()))
    return re.sub(r"([|`*_<>\[\]\\])", r"\\\1", text)
