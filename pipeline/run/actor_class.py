"""The class of Ray's actors: a worker (`pipeline.run.worker`) in a process that looks for modules where the driver does.

In each worker process Ray puts the driver's working folder, and the folder of its script, before all others. So the
class itself is sent: one that is imported would bring other modules from there before a line of ours can run.
"""

from typing import Any

from voxsmith.models.search_path import last_folders, own_folder, python_path, working_folder


def actor_class() -> type:
    """The class, for actors of this driver, as it looks for modules now. Ray pickles what it closes over, plain strings,
    because it is the class of no module.
    """
    working, first, last, own = working_folder(), python_path(), last_folders(), own_folder()

    class Worker:
        """What `pipeline.run.worker.LoggedWorker` is, there."""

        def __init__(self) -> None:
            """Takes no arguments: to read some, Ray would import other packages before this."""
            import os  # these two Python has loaded before it looked into any folder of the driver's
            import sys

            here = working
            try:
                os.chdir(working)  # relative paths of a recipe start where the driver is
            except OSError:
                unpacked = os.path.realpath(os.getcwd())  # a submitted job's folder may lie elsewhere on this node
                here = unpacked if unpacked in map(os.path.realpath, sys.path) else working
            behind = [here if folder == working else folder for folder in last]
            placed = {os.path.realpath(folder) for folder in (working, here, *first, *behind)}
            between = [entry for entry in sys.path if os.path.realpath(entry) not in placed]
            sys.path[:] = [*first, *between, *behind]
            if own:  # another version may be installed on this node
                sys.path.insert(0, here if own == working else own)
                import voxsmith  # noqa: F401  # this alone: its __init__ imports nothing

                del sys.path[0]
            self._worker: Any = None

        def load(self, *arguments: Any) -> Any:
            """Make the worker, and load its engine. Raises ImportError where this node lacks Voxsmith or what it needs."""
            try:
                from voxsmith.pipeline.run import worker
            except ImportError as error:
                import socket

                raise ImportError(
                    f"node {socket.gethostname()} can't import Voxsmith: {error}. All nodes need the packages of the one "
                    "where the run was started (docs/cluster.md)"
                ) from error
            self._worker = worker.LoggedWorker(*arguments)
            return self._worker.load()

        def run(self, task: Any) -> Any:
            return self._worker.run(task)

        def stop(self) -> None:
            if self._worker is not None:  # before that it has no task to stop
                self._worker.stop()

        def pulse(self) -> Any:
            return self._worker.pulse()

        def ping(self) -> None:
            """Answers once there is an actor."""

    return Worker
