"""`serve`: a page on this machine to speak to a checkpoint."""

import argparse
import asyncio
import socket
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

from voxsmith.trainer.talk.command import ready
from voxsmith.trainer.talk.sampling import Sampling
from voxsmith.trainer.talk.session import Partner, converse

HOST = "127.0.0.1"
_LOCAL = (HOST, "localhost", "[::1]")
# The page needs nothing from elsewhere, and nothing may frame it.
_POLICY = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'"


def app(partner: Partner) -> Any:
    """The ASGI application: the page, its script, and the WebSocket /talk."""
    from fastapi import FastAPI, WebSocket
    from starlette.responses import PlainTextResponse, Response

    folder = files("voxsmith.trainer.talk")

    def file(name: str, kind: str) -> Callable[..., Any]:
        async def get(request: Any) -> Response:
            if not is_local(request.headers):
                return PlainTextResponse("this page is for this machine alone", 403)
            return Response(
                (folder / name).read_bytes(),
                headers={"content-type": kind, "content-security-policy": _POLICY, "cache-control": "no-store"},
            )

        return get

    async def talk(websocket: WebSocket) -> None:
        if not is_local(websocket.headers, origin=True):
            await websocket.close(1008)
            return
        await websocket.accept()
        await converse(websocket, partner)

    app = FastAPI(openapi_url=None)
    app.add_route("/", file("page.html", "text/html; charset=utf-8"))
    for script in ("page.js", "tap.js"):
        app.add_route(f"/{script}", file(script, "text/javascript; charset=utf-8"))
    app.add_api_websocket_route("/talk", talk)
    return app


def is_local(headers: Any, origin: bool = False) -> bool:
    """Whether this machine's own page asks: another page in the same browser may know the port, or have a name for 127.0.0.1.
    `origin`: whether the request must say from which page it comes, as WebSockets do.
    """
    host = headers.get("host", "")
    if host.rpartition(":")[0] not in _LOCAL and host not in _LOCAL:
        return False
    return not origin or headers.get("origin", "") == f"http://{host}"


def serve(options: argparse.Namespace, device: torch.device, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C. Raises as `ready` does, and OSError where the port is taken."""
    import uvicorn

    trained = ready(Path(options.checkpoint), options.vocoder, device)
    sampling = Sampling(options.temperature, options.top_p, options.seed)
    task = options.task or trained.recipe.data[0].task
    partner = Partner(trained, task, options.max_tokens, sampling, options.omega, options.lookahead, asyncio.Lock())
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, options.port))
        listening.listen()  # who opens the page at once waits, and is not refused
        say(f"http://{HOST}:{listening.getsockname()[1]}  (Ctrl-C ends it)")
        uvicorn.Server(uvicorn.Config(app(partner), log_level="warning")).run(sockets=[listening])
