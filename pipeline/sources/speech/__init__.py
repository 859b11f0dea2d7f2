"""Sources of recorded speech: a file for each family of layouts, which lists utterances; no clip is opened here."""
