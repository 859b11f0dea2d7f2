"""How a recipe is run. Knows nothing of LLMs, audio or units."""

import os

# Read when Ray is imported, and meant for a Ray of our own; one that is joined may be elsewhere.
if not os.environ.get("RAY_ADDRESS"):
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # else it would listen beyond loopback
    # Else, under `uv run`, it would copy the working folder, and its workers would look for modules there first.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
