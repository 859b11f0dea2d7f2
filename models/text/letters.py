"""Letters and names: acronyms, capitals for emphasis, addresses, names of programs, joint names with a slash."""

import re

# Emphasis, not letters. What names something too (US, IT, WHO, AM, ID, LED) is no part of it.
_STRESSED = """
    ALL ALSO AN AND ANY ARE AS AT BAD BE BEEN BEST BIG BOTH BUT BY CAN DAY DO DOES EACH END EVEN EVER EVERY FIRST FOR
    FREE FROM GET GOOD GREAT HAD HAPPY HAS HAVE HE HELLO HER HERE HIM HIS HOW IF IN INTO IS ITS JUST KNOW LAST LESS LIKE LOVE
    MAKE MANY MORE MOST MUCH MUST MY NEED NEVER NEW NO NONE NOT NOW OF OFF OH ON ONCE ONE ONLY OR OTHER OUR OUT OVER REAL
    SAME SHE SO SOME STILL STOP SUCH THAN THANK THAT THE THEIR THEM THEN THERE THESE THEY THING THIS THOSE TO TOO TRUE TWO
    UP USE VERY WANT WAS WAY WE WELL WERE WHAT WHEN WHERE WHICH WHY WILL WITH WORLD WOULD WOW YES YOU YOUR
"""
EMPHASIS = frozenset(_STRESSED.split())
_STREETS = {"St": "Street", "Dr": "Drive", "Rd": "Road", "Ln": "Lane", "Blvd": "Boulevard", "Ave": "Avenue",
            "Ct": "Court", "Pl": "Place", "Pkwy": "Parkway", "Hwy": "Highway"}  # fmt: skip
_CODE = {"js": "JS", "py": "PY", "net": "net", "NET": "net", "ts": "TS"}


def _shouted(match: re.Match[str]) -> str:
    """A row of words in capitals: small letters where it is emphasis, as it stands where it is a list of acronyms."""
    words = re.findall(r"[A-Z']+", match[0])
    if "," in match[0] and not any(word in EMPHASIS for word in words):
        return match[0]
    return match[0].capitalize()


def _street(match: re.Match[str]) -> str:
    point = "." if re.match(r"\s*$|\s+[A-Z]", match.string[match.end() :]) and match[0].endswith(".") else ""
    return f"{match['street']} {_STREETS[match['kind']]}{point}"


_NAMED = r"(?:[A-Z][a-z]+ )"
BEFORE_LAYOUT = [
    (re.compile(rf"(?P<street>\b\d+[a-zA-Z]?(?: [NSEW]\.?)? {_NAMED}*[A-Z][a-z]+) (?P<kind>{'|'.join(_STREETS)})\b\.?"),
     _street),
    (re.compile(rf"(?P<street>\b[A-Z][a-z]+) (?P<kind>{'|'.join(_STREETS)})\.(?=,|\s*$|\s+[a-z])"), _street),
    (re.compile(r"\b(AC|TCP|CI|HIV|I|N|A|B|P|R)/(DC|IP|CD|AIDS|O|A|B|E|D|C)\b"),
     lambda match: f"{' '.join(match[1])} {' '.join(match[2])}"),
    (re.compile(r"(?<![A-Za-z])([A-Z]{1,3})&([A-Z]{1,3})(?![A-Za-z])"),
     lambda match: f"{' '.join(match[1])} and {' '.join(match[2])}"),
    (re.compile(r"\b([A-G])#(?!\w)"), r"\1 sharp"),
    (re.compile(r"\b(UTC|GMT) ?([+-−])(?=\d)"), lambda match: f"{match[1]} {'plus' if match[2] == '+' else 'minus'} "),
    (re.compile(r"\b([A-Z][A-Za-z]+)\.(js|py|ts|net|NET)\b"), lambda match: f"{match[1]} dot {_CODE[match[2]]}"),
    (re.compile(r"\bPh\.? ?D\b\.?(?=(\s+[a-z]|,|\s*$)?)"), "PhD"),
    (re.compile(r"\bPhD\b"), "P H D"),
]  # fmt: skip
SHOUTED = (re.compile(r"\b[A-Z']{2,}(?:[ ,]+[A-Z']{2,}){3,}\b"), _shouted)
