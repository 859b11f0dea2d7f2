"""Retry-After: RFC 9110's two forms, and what servers write besides."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxsmith.schemas.retry_after import seconds_to_wait


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 2 ", 2.0),
        ("0.5", 0.5),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),  # RFC 9110's own example, which is over
        (None, None),
        ("", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("Fri, 99 Dec 1999", None),
    ],
)
def test_numbers_dates_and_neither(header: str | None, seconds: float | None) -> None:
    assert seconds_to_wait(header) == seconds


@pytest.mark.parametrize("zone", ["GMT", "-0000", "+0000"])
def test_a_date_to_come_is_waited_for(zone: str) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True).replace("GMT", zone)
    assert 3590 < (seconds_to_wait(date) or 0) <= 3600


@given(st.text(max_size=60) | st.from_regex(r"(Mon, )?\d{1,12} Jan \d{1,20} \d+:\d+:\d+ ([+-]\d{1,12}|GMT)"))
def test_any_header_is_a_pause_or_none(header: str) -> None:
    pause = seconds_to_wait(header)
    assert pause is None or pause >= 0
