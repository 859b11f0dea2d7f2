"""How a recipe is run. Knows nothing of LLMs, audio or units."""

import os

# Read when Ray is imported: else a Ray of our own would listen beyond loopback. One that is joined may be elsewhere.
if not os.environ.get("RAY_ADDRESS"):
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
