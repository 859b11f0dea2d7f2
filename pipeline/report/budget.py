"""How much audio a page may hold: a page that nobody can open shows nothing."""

import base64
from typing import Any

CLIP_BYTES = 24_000_000


class Budget:
    """Bytes of page that clips may still take; `left_out` counts the clips that found no room."""

    def __init__(self, size: int) -> None:
        self.size, self.left_out = size, 0

    def uri(self, clip: dict[str, Any] | None) -> str | None:
        """The clip as a data URI, or None where there is no clip or no room."""
        flac = (clip or {}).get("bytes")
        if not flac:
            return None
        size = len(flac) * 4 // 3
        if size > self.size:
            self.left_out += 1
            return None
        self.size -= size
        return f"data:audio/flac;base64,{base64.b64encode(flac).decode()}"
