"""The queue that fills batches: one worker thread, which nothing that it is asked may end."""

import threading
from concurrent.futures import Future
from typing import Any

import pytest
import torch
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, RuntimeException

from voxsmith.stages.engines.base import Batching, EngineLost, Refused, Unavailable
from voxsmith.stages.requests.asr import Transcribe
from voxsmith.stages.requests.base import Request
from voxsmith.stages.requests.llm import Complete


class Echo(Batching):
    """Replies to one kind of request alone, as backends do, and leaves others out."""

    def answer(self, requests: list[Request]) -> list[Any]:
        return [request.prompt for request in requests if isinstance(request, Complete)]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_request_of_another_kind_fails_alone(batch: int) -> None:
    engine = Echo(batch)
    first, odd, last = (
        engine.submit(one) for one in (Complete(prompt="a"), Transcribe(clip=b"", language="en"), Complete(prompt="b"))
    )
    assert (first.result(2), last.result(2)) == ("a", "b")
    with pytest.raises(TypeError, match=r"Echo has 0 replies to 1 requests \(Transcribe\)"):
        odd.result(2)
    assert engine.submit(Complete(prompt="c")).result(2) == "c"
    engine.close()


class Forgetful(Batching):
    """Gives no list, as code without a `return` does."""

    def answer(self, requests: list[Request]) -> Any:
        return None


def test_a_backend_that_gives_no_list_blames_no_row() -> None:
    engine = Forgetful(4)
    error = engine.submit(Complete(prompt="a")).exception(5)
    assert isinstance(error, Unavailable)
    assert str(error) == "Forgetful has no list of replies to 1 requests (Complete)"
    engine.close()


class Costing(Echo):
    """Its `cost` knows one kind of request alone, as a backend's from outside may."""

    def cost(self, request: Request) -> float:
        return float(len(request.prompt))  # type: ignore[attr-defined]


def test_a_request_that_cannot_be_costed_fails_alone() -> None:
    engine = Costing(4)
    asked = (Complete(prompt="a"), Transcribe(clip=b"", language="en"), Complete(prompt="b"))
    first, odd, last = (engine.submit(one) for one in asked)
    assert (first.result(2), last.result(2)) == ("a", "b")
    with pytest.raises(TypeError, match="0 replies to 1 requests"):
        odd.result(2)
    assert engine.submit(Complete(prompt="c")).result(2) == "c"
    engine.close()


class Shrinking(Echo):
    """Its batch gets smaller while it works, as where a card's memory runs out."""

    def __init__(self, batch: int) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        super().__init__(batch)

    def answer(self, requests: list[Request]) -> list[Any]:
        self.begun.set()
        self.may_go_on.wait(5)
        if len(requests) > 1:
            self.batch = 2
        return super().answer(requests)


def test_a_batch_that_gets_smaller_leaves_nobody_out() -> None:
    engine = Shrinking(4)
    first = engine.submit(Complete(prompt="first"))
    engine.begun.wait(5)
    others = [engine.submit(Complete(prompt=str(n))) for n in range(11)]  # they wait together
    engine.may_go_on.set()
    assert [one.result(2) for one in (first, *others)] == ["first", *map(str, range(11))]
    engine.close()


# What libraries say on a card whose memory has run out, in errors that have no base in common.
NO_ROOM = {
    "PyTorch": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of"),
    "PyTorch's cuBLAS": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "PyTorch's cuDNN": RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
    "Python": MemoryError(),
    "llama.cpp": RuntimeError("insufficient memory (attempted to allocate 65930.62 MB)"),
    "llama.cpp's file": RuntimeError("error loading model: mmap failed: Cannot allocate memory"),
    "MKL in CTranslate2": RuntimeError("mkl_malloc: failed to allocate memory"),
    "onnxruntime on the CPU": Fail(
        "[ONNXRuntimeError] : 1 : FAIL : Non-zero status code returned while running ConvTranspose node. Name:'ups.0' "
        "bfc_arena.cc:360 Failed to allocate memory for requested buffer of size 40796160"
    ),
    "CTranslate2": RuntimeError("CUDA failed with error out of memory"),
    "CTranslate2's cuBLAS": RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"),
    "onnxruntime": RuntimeException(
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running MatMul node. "
        "bfc_arena.cc:376 Failed to allocate memory for requested buffer of size 805306368"
    ),
}


class Small(Echo):
    """Has room for `most` requests at a time."""

    most = 2

    def __init__(self, error: Exception) -> None:
        self.error, self.sizes = error, list[int]()
        super().__init__(8)

    def answer(self, requests: list[Request]) -> list[Any]:
        self.sizes.append(len(requests))
        if len(requests) > self.most:
            raise self.error
        return super().answer(requests)


def settle(engine: Echo, count: int) -> list[Future[Any]]:
    """Futures of so many requests that came together."""
    futures: list[Future[Any]] = [Future() for _ in range(count)]
    engine._settle([(Complete(prompt=str(n)), future) for n, future in enumerate(futures)])
    return futures


@pytest.mark.parametrize("error", NO_ROOM.values(), ids=NO_ROOM)
def test_where_memory_is_too_small_batches_are_halved_and_no_row_is_blamed(error: Exception) -> None:
    engine = Small(error)
    assert [one.result(0) for one in settle(engine, 8)] == [str(n) for n in range(8)]
    assert (engine.sizes, engine.batch, engine.usage["halved_batches"]) == ([8, 4, 2, 2, 4, 2, 2], 2, 3)
    engine.most = 0
    for one in settle(engine, 2):
        with pytest.raises(Unavailable, match=r"^Small: out of memory on one request alone"):
            one.result(0)
    engine.close()


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: device-side assert triggered\nCUDA kernel errors might be reported later"),
        RuntimeError("CUDA failed with error an illegal memory access was encountered"),
        RuntimeException("[ONNXRuntimeError] : 1 : FAIL : CUDA failure 719: unspecified launch failure ; GPU=0"),
    ],
)
def test_a_card_that_is_lost_is_nobodys_fault_and_told_at_once(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is asked of it in this process, it says that again."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    engine = Small(error)
    engine.most = 0
    for one in settle(engine, 8):
        with pytest.raises(EngineLost, match=r"^Small on \S+, GPU 3: [^\n]+$"):
            one.result(0)
    assert engine.sizes == [8]
    engine.close()


def test_other_errors_stay_as_they_are() -> None:
    for error in (ValueError("CUDA error: invalid argument"), Refused("bad_audio", "no audio"), Unavailable("down")):
        engine = Small(error)
        engine.most = 0
        assert [one.exception(0) for one in settle(engine, 3)] == [error] * 3
        assert (engine.sizes, engine.batch) == ([3, 1, 1, 1], 8)
        engine.close()


class Cut(Batching):
    """Cuts one request into parts, as engines do with long clips, and has room for three letters at a time."""

    def answer(self, requests: list[Request]) -> list[Any]:
        texts = [request.prompt or "" for request in requests if isinstance(request, Complete)]
        return ["".join(self.in_halves(self.shout, list(text), lambda letter: f"{letter!r} alone")) for text in texts]

    def shout(self, letters: list[str]) -> list[str]:
        if len(letters) > 3 or "!" in letters:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if "?" in letters:
            raise ValueError("no letter")
        return [letter.upper() for letter in letters]


def test_parts_of_one_request_are_halved_until_they_fit() -> None:
    engine = Cut(8)
    assert engine.submit(Complete(prompt="abcdefgh")).result(5) == "ABCDEFGH"
    assert (engine.batch, engine.usage["halved_batches"]) == (2, 3), "8 into 4 and 4, each of them into 2 and 2"
    with pytest.raises(Unavailable, match=r"^Cut: out of memory on '!' alone$"):
        engine.submit(Complete(prompt="a!")).result(5)
    with pytest.raises(ValueError, match="no letter"):
        engine.submit(Complete(prompt="a?")).result(5)
    engine.close()
