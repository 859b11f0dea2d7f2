"""Formulas with brackets, read as at a board: "(4 + 6) / 2" is open parenthesis four plus six close parenthesis divided
by two, "f(x)" f of x. Their numbers stay digits, which later rules say.
"""

import re

_NAMES = {"sqrt": "the square root of", "sin": "sine of", "cos": "cosine of", "tan": "tangent of", "log": "log of",
          "ln": "natural log of", "exp": "the exponential of"}  # fmt: skip
_SMALL = "is of to in at by on or if as an it be we he me my no so up us do go am"
_WORDS = frozenset(_SMALL.split())
_TOKEN = re.compile(
    rf"(?P<name>\b(?:{'|'.join(_NAMES)})(?=\())|(?P<call>\b[fghFGHPp](?=\([^()\s,]{{1,3}}\)))"
    r"|(?P<atom>\d+(?:\.\d+)?(?:[A-Za-z]{1,2}(?![A-Za-z]))?(?:(?<=\d)[π°])?|\b[A-Za-z]{1,2}\d?\b(?!['’])|π)"
    r"|(?P<power>\^\s?-?\d+\b|[²³])|(?P<sign>[-+*/^=×÷·−–√]|<=|>=)|(?P<open>[(\[])|(?P<close>[)\]])"
)
_OUTSIDE = re.compile(r"[)\]]\s*(?:[-+*/^=×÷·−²³]|[(\[])|[*/^×÷√]\s*[(\[]|[+=−-]\s+[(\[]|(?<=\d)\((?=[^()]*[+*/a-z])")
_SIGNS = {"+": "plus", "-": "minus", "−": "minus", "–": "minus", "*": "times", "×": "times", "·": "times",
          "/": "divided by", "÷": "divided by", "^": "to the power of", "=": "equals", "√": "the square root of",
          "<=": "is at most", ">=": "is at least"}  # fmt: skip
_POWERS = {"2": "squared", "3": "cubed"}


def formulas(text: str) -> str:
    """The text with those formulas that have brackets, or that name a function, in words."""
    if not re.search(r"[(\[]", text):
        return text
    text = re.sub(r"\b([fgh])['’]\((\w)\)", r"\1 prime of \2", text)
    text = re.sub(r"\)(?=[23](?:\s*[-+=)]|\s*$))", ")^", text)  # a raised figure that was lost on the way
    said: list[str] = []
    end = 0
    for run in _runs(text):
        start, stop = run[0].start(), run[-1].end()
        if _is_formula(run, text[start:stop]):
            said += [text[end:start], " " + _said(run) + " "]
            end = stop
    return re.sub(r"(?<=\S) {2,}(?=\S)", " ", "".join(said) + text[end:]) if said else text


def _runs(text: str) -> list[list[re.Match[str]]]:
    """Tokens that stand in a row; two operands with a space between are two rows."""
    runs: list[list[re.Match[str]]] = []
    for token in _TOKEN.finditer(text):
        if token["atom"] and token["atom"] in _WORDS:
            continue
        last = runs[-1][-1] if runs else None
        gap = text[last.end() : token.start()] if last else "\n"
        operands = bool(last and (last["atom"] or last["close"] or last["power"])) and not (
            token["sign"] or token["close"] or token["power"]
        )
        if gap not in ("", " ") or (gap and operands):
            runs.append([])
        runs[-1].append(token)
    return [run for run in map(_trimmed, runs) if run]


def _trimmed(run: list[re.Match[str]]) -> list[re.Match[str]]:
    """Without signs that belong to the sentence around it: a dash before, a bracket that closes elsewhere."""
    if len(run) > 3 and run[0]["open"] and run[1][0].isalpha() and len(run[1][0]) > 1 and run[2]["close"]:
        run = run[3:]  # the unit of what stands before: "Weight (kg) = 12 * 6"
    while run and (run[-1]["open"] or (run[-1]["sign"])):
        run = run[:-1]
    while run and (run[0]["close"] or (run[0]["sign"] and run[0][0] not in "-−√")):
        run = run[1:]
    return run


def _is_formula(run: list[re.Match[str]], text: str) -> bool:
    depth = 0
    for token in run:
        depth += bool(token["open"]) - bool(token["close"])
        if depth < 0:
            return False
    called = any(token["name"] for token in run) or (any(token["call"] for token in run) and len(run) > 3)
    return depth == 0 and (called or bool(_OUTSIDE.search(text)))


def _said(run: list[re.Match[str]]) -> str:
    words: list[str] = []
    silent: list[bool] = []  # whether the bracket that closes is said
    before: re.Match[str] | None = None
    for at, token in enumerate(run):
        if token["name"]:
            words.append(_NAMES[token["name"]])
        elif token["call"]:
            words.append(f"{token['call']} of")
        elif token["power"]:
            power = {"²": "2", "³": "3"}.get(token[0], token[0].lstrip("^ "))
            words.append(_POWERS.get(power) or f"to the power of {power.replace('-', 'minus ')}")
        elif token["open"]:
            if before and (before["close"] or before["atom"]):
                words.append("times")
            simple = bool(before and (before["call"] or (before["name"] and _one(run, at))))
            silent.append(simple)
            words += [] if simple else ["open parenthesis"]
        elif token["close"]:
            words += [] if silent.pop() else ["close parenthesis"]
        elif token["sign"]:
            words.append(_SIGNS[token[0]])
        else:
            words += ["times"] if before and before["close"] else []
            words.append(token[0])
        before = token
    return " ".join(words)


def _one(run: list[re.Match[str]], at: int) -> bool:
    """Whether a single operand stands in the brackets that open there."""
    return len(run) > at + 2 and bool(run[at + 2]["close"])
