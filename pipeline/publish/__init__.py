"""From out/<recipe>/ to the Hub or an object store: terms checked, Parquet made, files sent in groups."""
