"""Reading a recipe's sources: files or Hugging Face datasets -> shards of named rows."""

from voxsmith.pipeline.sources.read import given_columns, lacking, read_source, rows_to_table

__all__ = ["given_columns", "lacking", "read_source", "rows_to_table"]
