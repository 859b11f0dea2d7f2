"""One record of a source: from a file to values of a row."""
