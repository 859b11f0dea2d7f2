"""Clips of which the store keeps the name alone: they are read again, from where they were recorded, where they are wanted."""

from typing import Any

from voxsmith.pipeline.recipe.nodes import Engine, Graph, Node
from voxsmith.stages.context import Context, Reject, Row
from voxsmith.stages.engines.backend import loaded
from voxsmith.stages.engines.base import Engine as Loaded
from voxsmith.stages.engines.base import Refused


class ByName:
    """The columns among `names` that hold names of clips, and what gives the clips. It goes to other processes as it is;
    each loads the engines that it needs.
    """

    def __init__(self, graph: Graph, names: tuple[str, ...]) -> None:
        self._writers: dict[str, tuple[Node, Engine]] = {}
        self._loaded: dict[str, Loaded] = {}
        for name in names:
            writer = graph.nodes.get(graph.owners.get(name, ""))
            if writer and writer.engine and name in writer.stage.by_name(writer.config):
                self._writers[name] = writer, graph.engines[writer.engine]

    def __bool__(self) -> bool:
        return bool(self._writers)

    def __getstate__(self) -> dict[str, Any]:
        return {"_writers": self._writers, "_loaded": {}}

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._writers)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that say where the clips are."""
        return tuple(dict.fromkeys(name for writer, _ in self._writers.values() for name in writer.reads))

    def fill(self, row: Row) -> None:
        """Put the clips into the row. Raises Reject where one is not what it was, Unavailable where it can't be read now."""
        for name in self._writers:
            if (clip := row.get(name)) is not None and clip["bytes"] is None:
                row[name] = clip | {"bytes": self._again(name, row, clip["path"])}

    def close(self) -> None:
        while self._loaded:
            self._loaded.popitem()[1].close()

    def _again(self, name: str, row: Row, path: str) -> bytes:
        writer, engine = self._writers[name]
        if engine.name not in self._loaded:
            self._loaded[engine.name] = loaded(engine.backend, engine.config)
        call = writer.stage.run(row, Context(writer.config))
        try:
            reply = self._loaded[engine.name].submit(next(call)).result()
            call.send(reply)
        except StopIteration as end:
            if end.value[name]["path"] != path:
                raise Reject(
                    "changed_file", f"the clip {row.get('clip')} is not the one that was read before"
                ) from None
            clip: bytes = reply.pack()
            return clip
        except Refused as refused:
            raise Reject(refused.reason, refused.message) from None
        raise TypeError(f"the stage {writer.name} asks more than once")
