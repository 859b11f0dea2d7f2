"""Figures with a sign of their own (½, x⁴, CO₂, ①) in plain digits, so that they are said as any number is."""

import re
import unicodedata
from fractions import Fraction

_UP, _DOWN = "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ", "₀₁₂₃₄₅₆₇₈₉"
_PLAIN = str.maketrans(_UP + _DOWN + "⁺⁻", "0123456789n0123456789+-")
_SIGNS = {"⁺": "plus", "⁻": "minus"}


def plain_figures(text: str) -> str:
    """The text with raised figures as powers ("x^4"), lowered ones on the line, fractions as 1/2.

    A lone ² or ³ stays: units are written with it, and squares have a word.
    """
    if text.isascii():
        return text
    text = re.sub(rf"(?<=\w)([{_UP}]?)([⁺⁻])(?![{_UP}])", _charge, text)
    text = re.sub(rf"(?<=[\w)\]])¹(?![{_UP}])", "", text)  # a footnote, or no power at all
    text = re.sub(rf"(?<![\w)\]])[{_UP}]{{2,}}", lambda run: run[0].translate(_PLAIN), text)  # an isotope
    text = re.sub(rf"(?<=[\w)\]])[⁺⁻]?[{_UP}]+", _power, text)
    text = re.sub(rf"(?<=[{_DOWN}])\s*[-−]\s*(?=[a-z][{_DOWN}])", " minus ", text)
    text = re.sub(rf"([{_DOWN}]+)(?=(\d)?)", lambda run: run[1].translate(_PLAIN) + (" " if run[2] else ""), text)
    return "".join(_figure(char, text[at - 1 : at]) if unicodedata.category(char) == "No" else char
                   for at, char in enumerate(text))  # fmt: skip


def _charge(match: re.Match[str]) -> str:
    return f" {match[1].translate(_PLAIN)} {_SIGNS[match[2]]}"


def _power(run: re.Match[str]) -> str:
    return run[0] if run[0] in "²³" else f"^{run[0].translate(_PLAIN)}"


def _figure(char: str, before: str) -> str:
    if char in "²³":
        return char
    value = Fraction(unicodedata.numeric(char, 0.0)).limit_denominator(1000)
    if value.denominator == 1:
        return f" {value} "
    return f"{' ' if before.isalnum() else ''}{value}"
