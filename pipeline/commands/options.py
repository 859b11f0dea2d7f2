"""What several commands do with their options."""

from argparse import Namespace

from voxsmith.pipeline.api.opened import Loaded, load
from voxsmith.pipeline.store.without_pandas import without_pandas


def recipe_of(options: Namespace) -> Loaded:
    """The recipe that the command line names, with its `--set` and `--profile`."""
    loaded = load(options.recipe, options.set, options.profile)
    if not any(source.dataset for source in loaded.recipe.sources.values()):
        without_pandas()
    return loaded
