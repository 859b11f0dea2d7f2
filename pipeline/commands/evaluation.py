"""index-eval: an evaluation set becomes an index of hashes."""

from argparse import Namespace
from collections import Counter
from pathlib import Path

from voxsmith.pipeline.errors import RecipeError
from voxsmith.schemas.names import nearest


def index_eval(options: Namespace) -> int:
    from voxsmith.models.overlap.evaluation import build_index
    from voxsmith.pipeline.sources.evaluation import PRESETS, preset_questions, questions

    index = Path(options.index)
    if index.suffix != ".npz":
        raise RecipeError(f"{index}: an index is a file that ends in .npz: name it {index.name}.npz, say")
    if not index.parent.is_dir():
        raise RecipeError(f"no such folder: {index.parent}")
    if bool(options.preset) == bool(options.files):
        raise RecipeError(f"name either files of questions or a --preset ({', '.join(PRESETS)})")
    if options.preset and options.preset not in PRESETS:
        raise RecipeError(f"no preset '{options.preset}'; {nearest(options.preset, PRESETS)}")
    asked = preset_questions(options.preset) if options.preset else questions(index.stem, options.files, options.field)
    built = build_index(asked, options.texts)
    if not built.items:
        raise RecipeError(f"{index.stem}: there is no question; does --field name the questions' field?")
    built.write(index)
    kinds = Counter(bool(size) for size in built.arrays["sizes"].tolist())
    kept = "with" if options.texts else "without"
    print(f"{index}: {built.items} questions, {kinds[False]} of them by the whole question alone; {kept} their texts")
    return 0
