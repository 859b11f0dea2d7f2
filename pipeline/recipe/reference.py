"""Which keys a recipe may have, read off the models that check it: what each takes, what it is if not given."""

from voxsmith.pipeline.errors import RecipeError
from voxsmith.pipeline.terminal import console
from voxsmith.schemas.keys import Key, keys
from voxsmith.schemas.names import nearest
from voxsmith.schemas.recipe import Recipe
from voxsmith.stages.registry import backend, backend_names, stage, stage_names

PARTS = ("sources", "checks", "export", "rates")  # of a recipe, whose keys are many
_TABLE = 110  # columns of a terminal, from which on four of a table have room


def names() -> dict[str, list[str]]:
    """What `keys_of` knows, by kind."""
    return {"parts": ["recipe", *PARTS], "stages": stage_names(), "backends": backend_names()}


def keys_of(name: str) -> list[Key]:
    """The keys of a part of a recipe, of a stage or of an engine's backend. Raises RecipeError where it is none of them."""
    if name == "recipe":
        return [key for key in keys(Recipe) if key.name.split(".")[0] not in PARTS]
    if name in PARTS:
        return [key for key in keys(Recipe) if key.name.split(".")[0] == name]
    if name in stage_names():
        declared = stage(name)
        common = [Key("stage", "text", "the name it has in the recipe", f"which stage this is: {name}")]
        if declared.engine:
            common.append(Key("engine", "text", "needed", f"one of the recipe's engines of the kind {declared.engine}"))
        after = "others of the recipe's stages: a row that one of them rejects is not worked on here"
        common.append(Key("after", "text | [text, …]", "none", after))
        return [*common, *keys(declared.config, left_out=declared.from_pipeline)]
    if name in backend_names():
        return [
            Key("backend", name, "needed", backend(name).about),
            *keys(backend(name).config),
        ]
    known = [known for group in names().values() for known in group]
    raise RecipeError(f"there are no keys of '{name}'; {nearest(name, known)}")


def print_keys(name: str | None) -> None:
    """The keys as a table; without a name, what there is to ask about. Raises RecipeError as `keys_of` does."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    screen = console()
    if name is None:
        for kind, group in names().items():
            screen.print(f"{kind + ':':<10}{' '.join(group)}")
        screen.print("the keys of one of these: voxsmith keys NAME")
        return
    known = keys_of(name)
    if screen.width < _TABLE:
        for key in known:  # the name is what is looked up: it is never cut
            default = key.default if key.default == "needed" else f"if not given: {key.default}"
            screen.print(Text(key.name, style="bold"), soft_wrap=True)
            screen.print(Padding(f"{key.meaning}\n{key.takes}; {default}", (0, 0, 0, 4)))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("key", no_wrap=True)
    for column in ("takes", "if not given", "what it is"):
        table.add_column(column, overflow="fold")
    for key in known:
        table.add_row(*key)
    screen.print(table)
