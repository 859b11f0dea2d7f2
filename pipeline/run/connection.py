"""How a run comes to a Ray: it joins the cluster that RAY_ADDRESS names, or starts one on this machine."""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

from voxsmith.models.search_path import python_path


def connect() -> None:
    """Join the cluster that RAY_ADDRESS names (as in a submitted job), or start Ray on this machine, on loopback."""
    if ray.is_initialized():
        return
    # Where several tasks fail at once, the message of one is enough.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    # It says at each start that a token guards it, which is as it should be.
    logging.getLogger("ray._private.authentication.authentication_token_setup").setLevel(logging.ERROR)
    quiet: dict[str, Any] = {"logging_level": "WARNING", "log_to_driver": bool(os.environ.get("VOXSMITH_WORKER_LOGS"))}
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**quiet)
    else:
        # A Ray that we start sends no statistics.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        _need_no_home()
        with _without_working_folder():
            ray.init(address="local", include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)


def _need_no_home() -> None:
    """Ray keeps the token that guards it in the home folder. Where that can't be written, it gets one for this process and
    those that it starts.
    """
    try:
        folder = Path.home() / ".ray"
        if os.access(folder / "auth_token", os.R_OK):
            return
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK | os.X_OK)
    except (OSError, RuntimeError):  # RuntimeError: there is no home at all
        writable = False
    if not writable and "RAY_AUTH_TOKEN_PATH" not in os.environ:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@contextmanager
def _without_working_folder() -> Iterator[None]:
    """Ray's processes inherit a PYTHONPATH without the working folder: actors get that behind all others
    (`pipeline.run.actor_class`).
    """
    folders, before = python_path(), os.environ.pop("PYTHONPATH", None)
    if folders:
        os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH", None)
        if before is not None:
            os.environ["PYTHONPATH"] = before
