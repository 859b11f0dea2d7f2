"""What a text may hold: what UTF-8 can, which every file of ours is written in."""


def clean(text: str) -> str:
    """The text with what can't be written as UTF-8 replaced: halves of surrogate pairs, which JSON's escapes can give."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
