"""Which commit of a dataset of the Hub there is to read."""

import re


def commit_of(dataset: str, revision: str | None) -> str | None:
    """The commit that a branch or tag (None: the main branch) is now, or None where nobody can tell. A commit is itself."""
    if revision and re.fullmatch(r"[0-9a-f]{40}", revision):
        return revision
    from huggingface_hub import HfApi  # late: it takes a while

    try:
        return HfApi().dataset_info(dataset, revision=revision, timeout=10).sha
    except Exception:  # of several libraries; who reads the dataset says what is wrong
        return None
