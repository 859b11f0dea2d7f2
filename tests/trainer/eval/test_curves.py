"""Curves of a run from its log: lines that were cut, steps that were taken twice, and which curves share a chart."""

from pathlib import Path

from voxsmith.trainer.eval.curves import pictures, read, run_of


def log(folder: Path, *lines: str) -> Path:
    (folder / "log.jsonl").write_text("\n".join(lines))
    return folder


def test_curves_of_a_log(tmp_path: Path) -> None:
    curves = read(
        log(
            tmp_path,
            '{"step": 1, "loss": 3.0, "answer": 2.0, "end": 1.0, "lr.adapter": 0.1, "norm.adapter": 5, "tokens/s": 9}',
            '{"step": 2, "loss": 9.0, "answer": 9.0, "end": 0.5, "lr.adapter": 0.2, "norm.adapter": 4, "tokens/s": 9}',
            '{"step": 2, "loss": 2.0, "answer": 1.5, "end": 0.5, "lr.adapter": 0.2, "norm.adapter": NaN}',  # after a kill
            '{"step": 2, "validation": {"answer": 1.75, "wer": 0.5, "said": "x"}}',
            "[1, 2]",
            '{"step": "3", "loss": 1.0}',
            '{"step": 3, "loss": 1.',
        )
    )
    assert curves.learned == {"loss": [(1, 3), (2, 2)], "answer": [(1, 2), (2, 1.5)], "end": [(1, 1), (2, 0.5)]}
    assert curves.held_out == {"answer": [(2, 1.75)], "wer": [(2, 0.5)]}
    assert curves.rates == {"adapter": [(1, 0.1), (2, 0.2)]} and curves.norms == {"adapter": [(1, 5), (2, 4)]}
    titles = [title for title, _ in pictures(curves)]
    assert titles == [
        "Loss: loss",
        "Loss: answer",
        "Loss: end",
        "Validation: wer",
        "Learning rates",
        "Gradients, before they are clipped",
    ]
    assert "training, validation" in dict(pictures(curves))["Loss: answer"]


def test_a_single_term_is_the_loss(tmp_path: Path) -> None:
    curves = read(log(tmp_path, '{"step": 1, "loss": 3.0, "units": 3.0}', '{"step": 2, "loss": 2.0, "units": 2.0}'))
    assert [title for title, _ in pictures(curves)] == ["Loss: units"]


def test_no_log_no_curves(tmp_path: Path) -> None:
    assert pictures(read(tmp_path)) == []
    assert run_of(tmp_path / "runs" / "a" / "checkpoints" / "step-00000001") == tmp_path / "runs" / "a"
    assert run_of(tmp_path / "elsewhere") is None
