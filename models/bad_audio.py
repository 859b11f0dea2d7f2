"""What is wrong with a clip, in words that are the same each time.

Not part of voxsmith.models.audio: what stands there is in the digest of finished clips, and all would be spoken anew.
"""

import re

_ADDRESS = re.compile(
    r"<_io\.BytesIO object at 0x[0-9a-fA-F]+>"
)  # by which libsndfile's message names a clip in memory


def described(error: Exception) -> str:
    """The error's message without addresses."""
    return _ADDRESS.sub("it", str(error))
