"""What no voice can say and no rule should put into words: code, patterns, entities left over. It stays as it stands.

A check for signs then refuses the text, where a guess would be spoken and noticed by nobody.
"""

import re

_STANDS = "𐒀"  # a letter of a script that no text here is in holds the place: rules take it for a word
_UNSAID = re.compile(
    r"&(?:#\d+|#x[0-9a-fA-F]+|[a-zA-Z]{2,8});"  # an entity
    r"|â€.|Ã[\u0080-\u00bf]"  # UTF-8 read as Latin 1
    r"|(?:\^|/\^)?\(?\[(?:\^?[\w-]*(?:a-z|A-Z|0-9)[^\]\n]*)\]\S*|(?<!\w)[a-z]-[zZ](?:A-Z)?(?:0-9)"  # a class of signs
    r"|\S*\\[dwsWDSb](?![a-z])\S*|\S*\.\*[?)$]\S*"  # a pattern's escape
    r"|\b(?:for|while|if|switch)\s*\([^)\n]*(?:;|==|<|>|&&|\|\|)[^)\n]*\)\s*\{[^}\n]*\}?"  # a C-like statement
    r"|</?(?:html|head|body|div|span|p|a|td|tr|th|table|ul|ol|li|h[1-6]|script|style|link|meta|label|input|button|form|img"
    r"|title|header|footer|nav|section|option|select|font)(?:\s[^<>\n]*)?/?>"
    r"|\b(?:print|len|str|range|input|append|printf|println)\([^()\n]*\)*|\bdef \w+\(|\b\w+\.\w+\(\w*\)"  # a call
    r"|\b[A-Za-z_]\w*\[[a-z]\w*(?:\s?[-+]\s?\w+)?\]|\? \w+ ?: ?\w+;"  # an item of a list, a choice
    r"|(?:[~!*]*([@#$%^&])(?!\1)){3,}[~!*]*"  # signs in a row
    r"|\breturn [\w.]+ ?[*+/(\[-][^\n]*"
    r"|\$[^$\n]{0,80}\\[a-z]{2,}[^$\n]*\$|\\[a-z]{3,}\{[^}\n]*\}"  # LaTeX
    r"|\b__\w+__\b"
    r"|\bSELECT (?:\*|[^\n]* FROM\b)[^\n]*"
    r"|\$[A-Z]{3,}\$|(?<!\S)(?=\S*\d)(?=\S*[A-Za-z])\S*[A-Za-z0-9][#$%^!&*][A-Za-z0-9]+[#$%^!&*]\S*"  # a placeholder, a password
    r"|\b\w+\[\w+\]\s?[-+*]?=\s?\S+|&&|\|\||\b\w+\([^()\n]*\)\s?;|[{};]\s?\}"
)


def unsaid(text: str) -> tuple[str, list[str]]:
    """(the text with a letter in the place of what can't be said, these parts in order)."""
    if _STANDS in text:
        return text, []
    parts = [match[0] for match in _UNSAID.finditer(text)]
    return (_UNSAID.sub(lambda _: f" {_STANDS} ", text) if parts else text), parts


def restored(text: str, parts: list[str]) -> str:
    """The text with its parts back in their places."""
    left = iter(parts)
    return re.sub(_STANDS, lambda _: next(left, ""), text) if parts else text
