"""Registers the toys in every process of a test's run, Ray's workers too: this folder is put on PYTHONPATH."""

import sys
from importlib import import_module
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent.parent))
registry = import_module("stages.registry")
registry.STAGES.update(import_module("tests.helpers.recipes").TOYS)
registry.BACKENDS["toy_llm"] = "toys.llm"
