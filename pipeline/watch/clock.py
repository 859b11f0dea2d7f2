"""Seconds as people read them."""


def clock(seconds: float) -> str:
    """2:05 is two minutes, 1:02:05 an hour and two."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
