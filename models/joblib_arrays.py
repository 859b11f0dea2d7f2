"""A joblib file read as data: its arrays, and beside them plain values. Nothing in it is called or imported.

joblib writes a pickle in which each array's bytes follow the record that describes it. A pickle is a small program for
a stack machine; here its steps are followed, but where it names a class or a function there is only a `Made` that says
what was to be made of what. A name that doesn't belong into a scikit-learn model is refused all the same.
"""

import bz2
import lzma
import pickletools
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import Any

import numpy as np

from voxsmith.models.npy import MOST_BYTES

EXPECTED = re.compile(
    r"sklearn\.[\w.]+|joblib\.numpy_pickle\.NumpyArrayWrapper|numpy(\.\w+)+|copyreg\._reconstructor|copy_reg\._reconstructor"
    r"|(builtins|__builtin__)\.(object|bytes|bytearray|set|list|tuple|dict)|_codecs\.encode|collections\.(OrderedDict|defaultdict)"
)
_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
_NUMBERS = re.compile(r"[biuf][1248]")
_COMPRESSED: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ": lambda: lzma.LZMADecompressor(memlimit=1 << 28),
    b"\x5d\x00": lambda: lzma.LZMADecompressor(memlimit=1 << 28),
    b"\x78": zlib.decompressobj,
}
_MARK = object()
_STEPS: dict[str, Any] = {step.code: step for step in pickletools.opcodes}


class NotPlain(ValueError):
    """The file holds what isn't arrays and plain values, or is broken."""


@dataclass(eq=False)
class Made:
    """What the file would have made, had anything been called: `name(*args)`, then given `state`."""

    name: str
    args: tuple[Any, ...] = ()
    state: Any = None


def read(data: bytes) -> Any:
    """What a joblib file holds: plain values, arrays, and `Made`. Raises NotPlain."""
    try:
        for magic, decompressor in _COMPRESSED.items():
            if data.startswith(magic):
                data = _unpacked(decompressor(), data)
                break
        return PickleMachine(BytesIO(data)).run()
    except NotPlain:
        raise
    except Exception as error:  # a broken file goes wrong in as many ways as there are steps
        raise NotPlain(f"is broken, or no joblib file ({type(error).__name__}: {error})") from error


def _unpacked(decompressor: Any, data: bytes) -> bytes:
    """Raises NotPlain where that is more than memory should hold, or breaks off."""
    unpacked = decompressor.decompress(data, MOST_BYTES)
    if not decompressor.eof:
        raise NotPlain(f"breaks off, or unpacks to more than {MOST_BYTES} bytes")
    return bytes(unpacked)


class PickleMachine:
    """The stack machine of a pickle (see the standard library's pickletools), with nothing that it could call."""

    def __init__(self, file: BytesIO) -> None:
        self.file = file
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        while (code := self.file.read(1)) != b".":
            operation = _STEPS.get(code.decode("latin-1"))
            if operation is None:
                raise NotPlain(
                    f"is broken, or no joblib file: {code!r} at byte {self.file.tell() - 1} is no step of one"
                )
            argument = operation.arg.reader(self.file) if operation.arg else None
            self._step(operation.name, argument)
        return self.stack.pop()

    def _step(self, name: str, argument: Any) -> None:
        stack = self.stack
        match name:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                stack.append(_MARK)
            case "NONE" | "NEWTRUE" | "NEWFALSE":
                stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
            case "EMPTY_DICT" | "EMPTY_LIST" | "EMPTY_TUPLE" | "EMPTY_SET":
                stack.append({"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": set}[name]())
            case "TUPLE" | "LIST":
                items = self._marked()
                stack.append(tuple(items) if name == "TUPLE" else items)
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                count = int(name[-1])
                stack[-count:] = [tuple(stack[-count:])]
            case "DICT":
                stack.append(_dict(self._marked()))
            case "SETITEM" | "SETITEMS":
                items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self._marked()
                if isinstance(stack[-1], dict):  # else it belongs to a Made, of which nothing is read
                    stack[-1].update(_dict(items))
            case "APPEND" | "APPENDS":
                items = [stack.pop()] if name == "APPEND" else self._marked()
                if isinstance(stack[-1], list):
                    stack[-1].extend(items)
            case "ADDITEMS":
                self._marked()
            case "POP":
                stack.pop()
            case "POP_MARK":
                self._marked()
            case "DUP":
                stack.append(stack[-1])
            case "GLOBAL":
                stack.append(self._named(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                qualified, module = stack.pop(), stack.pop()
                if not isinstance(module, str) or not isinstance(qualified, str):
                    raise NotPlain("names what isn't a text")
                stack.append(self._named(f"{module}.{qualified}"))
            case "REDUCE" | "NEWOBJ":
                args = stack.pop()
                stack.append(Made(self._name(stack.pop()), tuple(args)))
            case "BUILD":
                state = stack.pop()
                if isinstance(stack[-1], Made):
                    stack[-1].state = state
                    if stack[-1].name == _ARRAY:
                        stack[-1] = self._array(state)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(self.memo[argument])
            case _ if name.startswith(("BIN", "SHORT_BIN", "INT", "LONG", "FLOAT", "UNICODE", "STRING", "BYTEARRAY8")):
                if "PERSID" in name:
                    raise NotPlain("points out of the file")
                stack.append(argument)
            case _:
                raise NotPlain(f"asks for {name}, which no k-means file needs")

    def _marked(self) -> list[Any]:
        at = len(self.stack) - 1
        while self.stack[at] is not _MARK:
            at -= 1
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def _named(self, name: str) -> Made:
        if not EXPECTED.fullmatch(name):
            raise NotPlain(f"names {name[:200]}, which is no part of arrays or of a scikit-learn model")
        return Made(name)

    def _name(self, made: Any) -> str:
        if not isinstance(made, Made):
            raise NotPlain("calls what isn't a name")
        return made.name

    def _array(self, state: dict[str, Any]) -> np.ndarray:
        """The array whose bytes stand here, after as many bytes of padding as the first one says."""
        kind, shape = _dtype(state["dtype"]), tuple(int(size) for size in state["shape"])
        if state.get("numpy_array_alignment_bytes") is not None:
            self.file.read(self.file.read(1)[0])
        wanted = prod(shape) * kind.itemsize
        data = self.file.read(wanted)
        if len(data) != wanted:
            raise NotPlain(f"is broken: an array {kind} {shape} has {len(data)} of its {wanted} bytes")
        return np.frombuffer(data, kind).reshape(shape, order="F" if state.get("order") == "F" else "C")


def _dict(items: list[Any]) -> dict[Any, Any]:
    """Keys and values by turns, as a dict. Tuples as keys aren't taken: a few bytes make one whose hash takes for ever."""
    if not all(isinstance(key, str | bytes | int | float | None) for key in items[::2]):
        raise NotPlain("has keys that aren't plain values")
    return dict(zip(items[::2], items[1::2], strict=True))


def _dtype(made: Any) -> np.dtype:
    code = made.args[0] if isinstance(made, Made) and made.name == "numpy.dtype" else ""
    code = code.decode() if isinstance(code, bytes) else code
    if not isinstance(code, str) or not _NUMBERS.fullmatch(code):
        kind = code[:20] if isinstance(code, str) and code else "something else"
        raise NotPlain(f"has an array of {kind}, and not of numbers")
    order = made.state[1] if made.state else "|"
    return np.dtype((order.decode() if isinstance(order, bytes) else order) + code)
