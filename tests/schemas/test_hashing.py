"""What names replies, rows and clips is the same for ever. The values here are those of coreutils' `b2sum -l BITS`."""

from voxsmith.schemas.hashing import hashed, hashed_hex, hashed_number, hashed_share
from voxsmith.stages.context import Context

LONG = (
    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
    "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
)


def test_hashes_are_those_of_another_program() -> None:
    assert hashed("abc").hex() == LONG
    assert hashed_hex("abc", 16) == hashed_hex(b"abc", 16) == "cf4ab791c62b8d2b2109c90275287816"
    assert hashed_number("abc") == 0xD8BB14D833D59559
    assert hashed_share("abc") == 0xD8BB14D833D59559 / 2**64
    assert hashed("é", 8).hex() == "cb1abf8beff3192f"
    assert hashed("abc", 8, person=b"shard") != hashed("abc", 8)


def test_a_seed_is_31_bits_of_what_it_depends_on() -> None:
    assert Context(config=None, seed=7, stage="speak").seed_for("r1", attempt=2) == 0x4631365C >> 1
