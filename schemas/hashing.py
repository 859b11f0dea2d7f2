"""Names, numbers and draws by content: BLAKE2b (RFC 7693) of a text in UTF-8, or of bytes.

They are in every store and corpus as cache keys, request digests, seeds, shard borders and names of clips: for the same
content and size each of these functions must return the same for ever.
"""

import hashlib


def hashed(content: str | bytes, size: int = 64, person: bytes = b"") -> bytes:
    """The hash, `size` bytes long (1 to 64). Another `person` (up to 16 bytes) gives unrelated hashes."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.blake2b(data, digest_size=size, person=person).digest()


def hashed_hex(content: str | bytes, size: int) -> str:
    """The same in 2 x `size` hex digits."""
    return hashed(content, size).hex()


def hashed_number(content: str | bytes, size: int = 8, person: bytes = b"") -> int:
    """The same as an unsigned number, big-endian: below 256 ** size."""
    return int.from_bytes(hashed(content, size, person), "big")


def hashed_share(content: str | bytes) -> float:
    """A number from 0 up to, but not including, 1: 8 bytes of the hash over 2 ** 64."""
    return hashed_number(content) / 2**64
