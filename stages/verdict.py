"""Did a clip come out well? A verdict from its measures, so that a stricter limit never listens again."""

import math
from collections.abc import Mapping
from typing import Any

from voxsmith.models.text.changed_words import changed_words
from voxsmith.models.text.wer import lost_and_added
from voxsmith.models.text.words import words
from voxsmith.schemas.checks import ClipChecks
from voxsmith.schemas.columns import full_name
from voxsmith.stages.text.speakable import Fault

_NUMBERS = ("wer", "cer", "mos", "duration", "silence", "clipping", "tail")
MEASURES = ("heard", *_NUMBERS)

_ENDS = 0.16  # seconds of quiet around speech in a finished clip
_SLACK = 0.8  # seconds that the first and the last word may take longer, so that short texts are judged fairly


def measures(row: Mapping[str, Any], group: str, attempt: int) -> dict[str, Any]:
    """The attempt's measures out of a row, without group and number in their names."""
    return {name: row.get(full_name(group, name, attempt)) for name in MEASURES}


def clip_fault(measured: Mapping[str, Any], text: str, checks: ClipChecks) -> Fault | None:
    """The first thing wrong with the clip of `text`, or None. Measures as in voxsmith.schemas.columns; `mos` may be None."""
    # NaN is beyond no limit, so each comparison below would let it pass
    if wrong := [name for name in _NUMBERS if measured[name] is not None and not math.isfinite(measured[name])]:
        return Fault("unmeasured", f"no number came out of measuring {', '.join(wrong)}")
    # columns are float32: 0.2 comes back as 0.2000000030, which is not more than 0.2
    measured = {**measured, **{name: round(measured[name], 6) for name in _NUMBERS if measured[name] is not None}}
    duration, count = measured["duration"] or 0.0, len(words(text))
    if duration <= 0.05:
        return Fault("empty_clip", "the clip is empty")
    # one word error in a short text is a large share of it: then the sounds decide
    if measured["wer"] > checks.max_wer and (count > 6 or measured["cer"] > checks.max_cer):
        return Fault(
            "wer", f"of {count} words {measured['wer']:.1%} were heard otherwise, at most {checks.max_wer:.1%} may"
        )
    if measured["cer"] > checks.max_cer:
        return Fault(
            "cer", f"{measured['cer']:.1%} of the characters were heard otherwise, at most {checks.max_cer:.1%} may"
        )
    lost, added = lost_and_added(text, measured["heard"] or "")
    if lost > checks.max_lost:
        return Fault("words_lost", f"{lost} letters in a row of the text were not heard: {measured['heard']!r}")
    if added > checks.max_added:
        return Fault("words_added", f"{added} letters in a row were heard that the text lacks: {measured['heard']!r}")
    if changed := changed_words(text, measured["heard"] or ""):
        return Fault("words_changed", f"a number or a negation was heard otherwise: {changed}")
    if measured["mos"] is not None and measured["mos"] < checks.min_mos:
        return Fault(
            "mos", f"the predicted opinion score is {measured['mos']:.2f}, at least {checks.min_mos:g} is asked for"
        )
    if measured["silence"] > checks.max_silence:
        return Fault("silence", f"{measured['silence']:.1f} s of silence inside the clip")
    if measured["clipping"] > checks.max_clipping:
        return Fault("clipping", f"{measured['clipping']:.2%} of the samples are flat tops: the clip is clipped")
    if measured["tail"] > checks.max_tail:
        return Fault("cut_off", f"the clip ends at full voice ({measured['tail']:.0f} dB)")
    letters = sum(4 if sign.isdigit() else sign.isalpha() for sign in text)  # "7" is said in about four
    if letters < checks.min_letters_per_second * (duration - _SLACK):
        return Fault("too_slow", f"{duration:.1f} s for {count} words")
    if letters > checks.max_letters_per_second * (duration - _ENDS):
        return Fault("too_fast", f"{duration:.1f} s for {count} words")
    return None
