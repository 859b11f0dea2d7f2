"""What is kept of a distribution: how small it is, and how near to what was given, by NumPy's float64."""

import numpy as np
import pyarrow as pa
import pytest

from voxsmith.models.top_log_probs import TopLogProbs
from voxsmith.schemas.columns import TEACHER_COLUMNS, TOP


def drawn(places: int, words: int, entries: int = TOP) -> tuple[TopLogProbs, np.ndarray]:
    """And the log-probabilities of all words, float64 [places, words]."""
    logits = np.random.default_rng(places).normal(0, 4, (places, words))
    whole = logits - np.logaddexp.reduce(logits, 1, keepdims=True)
    ids = np.argsort(-whole, 1)[:, :entries]
    others = [np.delete(row, some) for row, some in zip(whole, ids, strict=True)]
    rest = np.array([[np.logaddexp.reduce(row), np.logaddexp.reduce(row / 2)] for row in others])
    return TopLogProbs.of(ids, np.take_along_axis(whole, ids, 1), rest), whole


def test_64_tokens_and_the_end_of_llama_3_take_less_than_12_kb_of_an_arrow_file(
    tmp_path: pytest.TempPathFactory,
) -> None:
    draw = np.random.default_rng(0)
    ids, log_probs = draw.integers(0, 128_256, (65, TOP)), draw.uniform(-20, 0, (65, TOP))
    rows = [TopLogProbs.of(ids, log_probs, draw.uniform(-9, 5, (65, 2))).columns()] * 4
    schema = pa.schema({name: TEACHER_COLUMNS[name].type for name in rows[0]})
    sizes = []
    for count in (2, 4):
        table = pa.table({name: [row[name].tolist() for row in rows[:count]] for name in rows[0]}, schema)
        file = f"{tmp_path}/{count}.arrow"
        with pa.OSFile(file, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            writer.write_table(table)
        sizes.append(pa.memory_map(file).size())
    assert 65 * (32 * 5 + 8) <= (sizes[1] - sizes[0]) / 2 < 12_000


def test_what_is_kept_comes_back_as_near_as_its_grid(places: int = 20) -> None:
    given, whole = drawn(places, 262_144)
    for back in (
        TopLogProbs.from_columns({name: part.tolist() for name, part in given.columns().items()}),
        TopLogProbs.unpack(given.pack()),
    ):
        assert np.array_equal(back.ids, np.argsort(-whole, 1)[:, :TOP])
        exact = np.take_along_axis(whole, back.ids, 1)
        assert np.abs(back.log_probs - exact).max() < 2.5e-4
        assert np.array_equal(back.rest, given.rest)
        assert np.allclose(back.mass, np.exp(exact).sum(1), atol=3e-4)


def test_fewer_words_than_entries_and_words_that_are_almost_impossible() -> None:
    top = TopLogProbs.of(np.array([[3, 1]]), np.array([[-1e-30, -80.0]]), np.array([[-np.inf, np.nan]]))
    back = TopLogProbs.unpack(top.pack())
    assert back.log_probs[0, :2].tolist() == [0.0, -32.0] and np.isneginf(back.log_probs[0, 2:]).all()
    assert back.ids[0, :3].tolist() == [3, 1, 0] and np.isneginf(back.rest[0, 0]) and np.isnan(back.rest[0, 1])


def test_bytes_that_are_none() -> None:
    with pytest.raises(ValueError, match="no whole places of 168"):
        TopLogProbs.unpack(b"123")
    columns = drawn(2, 50)[0].columns()
    with pytest.raises(ValueError, match="2 places of ids, 2, 2 and 1 of the others"):
        TopLogProbs.from_columns(columns | {"rest": columns["rest"][:1]})


def test_what_is_not_known_is_reckoned_by_a_power_law() -> None:
    """Exactly where it is one; at another temperature than it was kept at, too; and what is kept is taken as it is."""
    ranks = np.arange(1, 50_001)
    whole = np.stack([-a * np.log(ranks) for a in (1.2, 1.7, 3.0)])
    whole -= np.logaddexp.reduce(whole, 1, keepdims=True)
    others = whole[:, TOP:]
    for temperature in (1.5, 2.0, 4.0):
        exact = np.logaddexp.reduce(others / temperature, 1)
        sums = np.stack([np.logaddexp.reduce(others, 1), np.full(3, np.nan)], 1)
        top = TopLogProbs.of(np.tile(ranks[:TOP] - 1, (3, 1)), whole[:, :TOP], sums)
        assert np.abs(top.rest_at(temperature, temperature, 50_000) - exact).max() < 0.02
        kept = TopLogProbs.of(top.ids, top.log_probs, np.stack([sums[:, 0], np.array([1.0, 2.0, 3.0])], 1))
        assert kept.rest_at(temperature, temperature, 50_000).tolist() == [1.0, 2.0, 3.0]
        assert np.abs(kept.rest_at(temperature, 9.0, 50_000) - exact).max() < 0.02
    nothing = TopLogProbs.of(np.array([[0]]), np.array([[0.0]]), np.array([[-np.inf, np.nan]]))
    assert np.isneginf(nothing.rest_at(2.0, 2.0, 1)).all()
