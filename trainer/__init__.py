"""How speech language models learn from what the pipeline exports. Imports schemas and models alone."""
