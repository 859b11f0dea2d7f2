"""`fit_units`: a codebook, by k-means over encoder features of a pinned sample of rows."""

import heapq
import io
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from voxsmith.schemas.columns import Of, full_name
from voxsmith.stages.context import Context, Row
from voxsmith.stages.requests.units import Encode
from voxsmith.stages.stage import Stage, StageConfig

if TYPE_CHECKING:
    from voxsmith.stages.engines.backend import Backend


class Config(StageConfig):
    """Settings of `fit_units`."""

    of: Of = "answer"
    clusters: int = Field(200, ge=2, le=65536, description="units")
    sample_rows: int = Field(64, ge=1, description="rows whose clips the codebook is fitted on, at most")
    frames_per_clip: int = Field(500, ge=1, description="frames drawn from a clip at most: bounds memory")


def fit_units(rows: Iterator[Row], context: Context) -> Generator[Encode, Any, dict[str, bytes]]:
    """Returns {"codebook": an .npy file, float32 [clusters, width]}.

    Of more than `sample_rows` rows those are drawn whose seeds are least: which they are depends neither on their order
    nor on how they are cut into shards, and no more clips than that are held at a time.
    Lloyd's algorithm with k-means++ starts (scikit-learn), on one thread: sums in another order give other bits.
    Raises ValueError where there are fewer frames than clusters.
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    config: Config = context.config
    kept: list[np.ndarray] = []
    for row in heapq.nsmallest(config.sample_rows, rows, key=lambda row: context.seed_for(row["id"], 0)):
        features = yield Encode(clip=row[full_name(config.of, "audio")]["bytes"])
        draw = np.random.default_rng(context.seed_for(row["id"]))
        count = len(features.frames)
        chosen = np.sort(draw.permutation(count)[: config.frames_per_clip])
        kept.append(features.frames[chosen].astype(np.float32))
    frames = np.concatenate(kept) if kept else np.zeros((0, 1), np.float32)
    if len(frames) < config.clusters:
        raise ValueError(
            f"{len(frames)} frames of {len(kept)} clips can't be put into {config.clusters} clusters; "
            "raise sample_rows or lower clusters"
        )
    with threadpool_limits(1):
        fitted = KMeans(config.clusters, n_init=1, max_iter=100, random_state=context.seed_for("codebook")).fit(frames)
    file = io.BytesIO()
    np.save(file, fitted.cluster_centers_.astype(np.float32), allow_pickle=False)
    return {"codebook": file.getvalue()}


def _refuses_engine(config: Config, backend: "Backend[Any]", settings: Any) -> str:
    if backend.only_own_codebook:
        return "the engine's codebook is part of its model: leave fit_units out, and say units: codebook: engine"
    return ""


STAGE = Stage(
    name="fit_units",
    config=Config,
    reads=lambda config: (full_name(config.of, "audio"),),
    writes=lambda config: (),
    run=fit_units,
    engine="units",
    each="recipe",
    fits="codebook",
    # of 0.1: requests stood in one file; packages were imported without `voxsmith.` before them; clips were those of sides
    same_code=(
        "3171b124623d8076e4fc83f20e2f9960",
        "090ee5a10803daf106a6ad6898683eb4",
        "2ca0835454aafd4eb1606487256e9aa4",
    ),
    refuses_engine=_refuses_engine,
    packages=("scikit-learn", "threadpoolctl"),
    extra="quickstart",
)
