"""A recipe: read, checked against the registry, made a graph."""
