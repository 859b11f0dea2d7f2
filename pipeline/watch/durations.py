"""Durations as people read them."""


def clock(seconds: float) -> str:
    """Of work: 2:05 is two minutes and five seconds, 1:02:05 an hour, two minutes and five seconds."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def length(seconds: float) -> str:
    """Of audio: 2.1 min, 1.5 h, 1,200 h."""
    if seconds >= 36_000:
        return f"{seconds / 3600:,.0f} h"
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
