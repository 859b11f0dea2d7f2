"""How a recipe is run. Knows nothing of LLMs, audio or units."""
