"""What words are written for: abbreviations, contractions, fillers, Roman numerals, letters with points. Tables first."""

import re
from functools import cache, lru_cache

from voxsmith.models.text.digit_readings import cardinals, number, ordinals
from voxsmith.models.text.lattice import Lattice, either, maybe, phrase, sequence

FILLERS = frozenset(["um", "umm", "uh", "uhm", "uhh", "er", "erm", "ah", "eh", "hm", "hmm", "mm", "mmm", "mhm", "mhmm"])
CALLS = frozenset(["hey", "oh"])  # recognisers leave them out before what is said to somebody

_WRITTEN = """
    mr=mister; mrs=missus/missis; ms=miz/miss; dr=doctor/drive; st=saint/street; ave=avenue; rd=road; blvd=boulevard;
    prof=professor; capt=captain; gov=governor; gen=general; sen=senator; rep=representative; pres=president;
    rev=reverend; hon=honorable; sgt=sergeant; lt=lieutenant; col=colonel; jr=junior; sr=senior; esq=esquire;
    asst=assistant; assoc=associate; dept=department; mt=mount; ft=fort/feet/foot; inc=incorporated; ltd=limited;
    corp=corporation; co=company; etc=et cetera/etcetera; vs=versus; v=versus; approx=approximately; est=established;
    eg=for example/e g; ie=that is/i e; aka=also known as; vol=volume; fig=figure; ch=chapter; pg=page; pp=pages;
    no=number; nos=numbers; jan=january; feb=february; mar=march; apr=april; jun=june; jul=july; aug=august;
    sep=september; sept=september; oct=october; nov=november; dec=december; mon=monday; tue=tuesday; tues=tuesday;
    wed=wednesday; thu=thursday; thurs=thursday; fri=friday; sat=saturday; sun=sunday; min=minute/minutes; mins=minutes;
    sec=second/seconds; secs=seconds; hr=hour; hrs=hours; yr=year; yrs=years; lb=pound; lbs=pounds; oz=ounce/ounces;
    tsp=teaspoon; tbsp=tablespoon; tel=telephone; temp=temperature; mph=miles per hour/miles an hour; max=maximum;
    ok=okay; alright=all right; cause=because; til=until; till=until; em=them; n=and; ya=you; yall=you all; ma'am=madam;
    gonna=going to; wanna=want to; gotta=got to; kinda=kind of; sorta=sort of; dunno=do not know; gimme=give me;
    lemme=let me; woulda=would have; coulda=could have; shoulda=should have; c'mon=come on; thru=through; www=w w w;
    donut=doughnut; whisky=whiskey; adviser=advisor; percent=per cent; y'all=you all; o'clock=oclock
"""
_CONTRACTED = {"won't": "will not", "can't": "can not", "shan't": "shall not", "cannot": "can not", "let's": "let us",
               "ain't": "aint", "'tis": "it is", "'twas": "it was", "tis": "it is", "twas": "it was"}  # fmt: skip
_ENDINGS = {"n't": ("not",), "'re": ("are",), "'ll": ("will", "shall"), "'ve": ("have",), "'m": ("am",),
            "'d": ("would", "had", "did")}  # fmt: skip
_ROMAN = re.compile(r"(?=[IVX]{2}|[IVXL]{3}|[IVXLCM]{4})M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}


def _table() -> dict[str, tuple[str, ...]]:
    rows = (entry.strip().partition("=") for entry in _WRITTEN.split(";"))
    return {short: tuple(full.split("/")) for short, _, full in rows}


_FULL = _table()


@lru_cache(maxsize=4096)
def word(written: str, alone: bool = False) -> Lattice:
    """A word's readings. `alone`: it is one letter behind a name, and may count ("World War I")."""
    from whisper_normalizer.basic import remove_symbols_and_diacritics

    low = written.lower()
    if low in FILLERS:
        return maybe(low)
    if low in _CONTRACTED:
        return phrase(_CONTRACTED[low])
    plain = "".join(remove_symbols_and_diacritics(low).split())  # without its apostrophes too
    ways: list[Lattice | str] = [american(plain)]
    if low in _FULL or plain in _FULL:
        ways += _FULL.get(low) or _FULL[plain]
    for ending, full in _ENDINGS.items():
        if low.endswith(ending) and len(low) > len(ending):
            # never as one word: what tells "can't" from "can" would be a letter
            return either(*(f"{_plain(low[: -len(ending)])} {one}" for one in full))
    if low.endswith("'s"):
        ways += [f"{_plain(low[:-2])} {one}" for one in ("is", "has")]
    if low.endswith("in'"):
        ways.append(american(f"{plain}g"))
    if value := roman(written, alone):
        ways += [*cardinals(value), *ordinals(value), *(f"the {one}" for one in ordinals(value)[:1])]
    return either(*ways) if len(ways) > 1 else phrase(str(ways[0]))


def roman(written: str, alone: bool) -> int:
    """What the letters count; 0 where they are no numeral, or a lone letter that needn't be one."""
    if not (_ROMAN.fullmatch(written) or (alone and written in "IVX")):
        return 0
    values = [_VALUES[letter] for letter in written]
    return sum(-value if value < after else value for value, after in zip(values, [*values[1:], 0], strict=True))


def _plain(written: str) -> str:
    from whisper_normalizer.basic import remove_symbols_and_diacritics

    return american("".join(remove_symbols_and_diacritics(written.lower()).split()))


def letters(written: str) -> Lattice:
    """ "U.S.", "a.m.", "J. R. R.", "e.g."."""
    joined = re.sub(r"[^a-z]", "", written.lower())
    return either(joined, *_FULL[joined]) if joined in _FULL else phrase(joined)


def american(written: str) -> str:
    """A lower-case word as Americans spell it."""
    return _spelling().get(written, written)


@cache
def _spelling() -> dict[str, str]:
    from whisper_normalizer.english import EnglishSpellingNormalizer

    return dict(EnglishSpellingNormalizer().mapping) | {"grey": "gray", "hallo": "hello", "hullo": "hello"}


def address(written: str) -> Lattice:
    """E-mail and web: each of its signs has a name."""
    parts: list[Lattice] = []
    for piece in re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", written):
        if piece[0].isalpha():
            parts.append(either("www", "w w w") if piece.lower() == "www" else phrase(_plain(piece)))
        elif piece.isdigit():
            parts.append(number(piece))
        else:
            parts.append(either(*_SIGNS_OF_ADDRESSES.get(piece, ("",))))
    return sequence(*parts) if parts else phrase("")


_SIGNS_OF_ADDRESSES = {".": ("dot", "period", "point"), "@": ("at",), "/": ("slash", "forward slash"),
                       "-": ("dash", "hyphen", "minus"), "_": ("underscore",), ":": ("colon",), "~": ("tilde",),
                       "+": ("plus",), "#": ("hash", "pound"), "?": ("question mark", ""), "=": ("equals",),
                       "&": ("and", "ampersand"), "%": ("percent",)}  # fmt: skip
