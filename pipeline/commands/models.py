"""new, keys, doctor, voices and fetch: what a recipe may say, and what it needs of this machine."""

import sys
from argparse import Namespace
from pathlib import Path

from voxsmith.pipeline import api
from voxsmith.pipeline.commands.options import recipe_of
from voxsmith.pipeline.recipe.listen_to_banks import Banks
from voxsmith.pipeline.terminal import json_text, one_line

_GIB = 2**30


def new(options: Namespace) -> int:
    from voxsmith.pipeline.recipe.shipped import copy, print_recipes

    if options.name is None:
        print_recipes()
        return 0
    for file in copy(options.name, Path(options.folder)):
        print(file)
    recipe = Path(options.folder) / f"{options.name}.yaml"
    print(f"next: voxsmith fetch {recipe}, then voxsmith run {recipe}; its first lines say more", file=sys.stderr)
    return 0


def keys(options: Namespace) -> int:
    if options.markdown:
        from voxsmith.pipeline.recipe.reference_page import page

        print(page(), end="")
        return 0
    from voxsmith.pipeline.recipe.reference import print_keys

    print_keys(options.name)
    return 0


def doctor(options: Namespace) -> int:
    loaded = recipe_of(options)
    checkup = api.doctor(loaded)
    memory = f"{checkup.memory / _GIB:.0f} GiB memory ({checkup.free_memory / _GIB:.0f} free)"
    print(f"machine   {checkup.cores} cores, {memory}, {checkup.free_disk / _GIB:.0f} GiB disk free")
    for engine in checkup.engines:
        actor = f"{engine.num_cpus:g} CPU, {engine.num_gpus:g} GPU"
        print(f"engine    {engine.name}: {engine.backend}, {engine.replicas} x ({actor})")
        for problem in engine.problems:
            print(one_line(f"          {problem}"))
    for lacking in checkup.stages:
        print(one_line(f"stage     {lacking}"))
    for model in checkup.models:
        where = "here" if model.here else f"missing; get it with: voxsmith fetch {model.reference}"
        print(f"model     {model.reference} (for {', '.join(model.engines)}): {where}")
    print(f"{loaded.label}: " + ("ready" if checkup.ready else f"{checkup.problems} things to do"))
    return 0 if checkup.ready else 1


def voices(options: Namespace) -> int:
    banks = api.voices(recipe_of(options))
    if options.json:
        print(json_text(banks.voices, indent=1))
    else:
        _print_banks(banks)
    return 0 if banks.fit else 1


def _print_banks(banks: Banks) -> None:
    for folder, bank in banks.voices.items():
        unfit = sum(bool(voice["faults"]) for voice in bank.values())
        print(f"{folder}: {len(bank)} voices, {unfit} not fit to clone")
        for name, voice in bank.items():
            if "seconds" in voice:
                wer = "" if voice["wer"] is None else f", WER {voice['wer']:.2f}"
                print(one_line(f"  {name:<28} {voice['seconds']:5.1f} s, {voice['snr']:3.0f} dB over noise{wer}"))
            for fault in voice["faults"]:
                print(one_line(f"  {name}: {fault}" if "seconds" not in voice else f"    {fault}"))
    if not banks.transcribed:
        print("the recipe has no ASR engine, so nobody checked what is said in them")


def fetch(options: Namespace) -> int:
    api.fetch(options.models, profile=options.profile, say=print)
    return 0
