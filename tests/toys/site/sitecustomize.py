"""Registers the toys in every process of a test's run, Ray's workers too: this folder is put on PYTHONPATH."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent.parent))

import stages.registry as registry  # noqa: E402
from bench import TOYS  # noqa: E402

registry.STAGES.update(TOYS)
registry.BACKENDS["toy_llm"] = "toys.llm"
