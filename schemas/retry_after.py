"""How long a server asks to be left alone: the HTTP header Retry-After (RFC 9110, section 10.2.3)."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_to_wait(header: str | None) -> float | None:
    """Seconds from now, at least 0, of a header that gives a number or a date; None where it is missing or unreadable."""
    text = (header or "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):  # the parser raises each on some junk
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)  # "-0000" gives a date without a zone, in UTC
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
