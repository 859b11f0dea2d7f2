"""What can be said to `talk` and `serve`; nothing heavy is imported."""

import argparse
from collections.abc import Callable
from typing import Any, get_args

from voxsmith.schemas.tasks import TaskName


def talk_options(verbs: Any) -> None:
    """Add the verbs `talk` and `serve` to argparse's subparsers."""
    talk = verbs.add_parser("talk", help="ask a checkpoint; text, units and audio come while they are made")
    _answering(talk)
    talk.add_argument("question", help="an audio file; it is resampled where need be")
    talk.add_argument("--out", default="answer.wav", help="where the audio goes; default answer.wav")
    talk.add_argument("--units", action="store_true", help="print units, too")
    serve = verbs.add_parser("serve", help="a page on this machine to speak to a checkpoint")
    _answering(serve)
    serve.add_argument("--port", type=at_least(0, 65535), default=8765, help="default 8765; 0: one that is free")


def _answering(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("checkpoint", help="runs/NAME, or one of its folders checkpoints/step-…")
    verb.add_argument("--vocoder", metavar="MODEL", help="unit vocoder: folder or hub:org/name; without: no audio")
    verb.add_argument("--omega", type=at_least(1), default=10, help="units of a chunk that is spoken; default 10")
    verb.add_argument(
        "--lookahead",
        type=at_least(0),
        metavar="FRAMES",
        help="frames behind a chunk that it waits for; fewer are sooner heard and joints are faded; "
        "without: as many as make it equal to the whole",
    )
    verb.add_argument("--max-tokens", type=at_least(1), default=512, metavar="N", help="default 512")
    verb.add_argument("--task", choices=get_args(TaskName), help="default: what it learned")
    verb.add_argument("--temperature", type=_number(0, 100), default=0.0, help="0, the default: the likeliest token")
    verb.add_argument("--top-p", type=_number(0, 1), default=1.0, help="of which draws are made; default 1")
    verb.add_argument("--seed", type=at_least(0), default=0, help="of the draws")
    verb.add_argument("--device", default="", help="cpu, cuda, cuda:1; without: a GPU where there is one")


def at_least(least: int, most: int | None = None) -> Callable[[str], int]:
    """What argparse reads whole numbers with."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            until = "on" if most is None else f"to {most}"
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} {until}")
        return int(text)

    return read


def _number(least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"'{text}' is no number from {least:g} to {most:g}")
        return value

    return read
