"""A prompt's template does no harm and comes to an end: what could is refused when it is read, the rest has a budget."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from tests.helpers.paths import ROOT
from voxsmith.schemas.template import FILTERS, METHODS, PromptFault, checked, fill_in

HISTORY = [{"query": "Who was Ada?", "answer": "A mathematician."}, {"query": "When?", "answer": "In 1840."}]
ROW = {"query": "  Say <hello> & bye. ", "context": "", "history": HISTORY}


@pytest.mark.parametrize(
    ("text", "filled_in"),
    [
        ("{{ query|trim }}!", "Say <hello> & bye.!"),
        ("{{ query.strip().upper() }}", "SAY <HELLO> & BYE."),
        ("{% if context %}{{ context }}{% else %}none{% endif %}", "none"),
        ("{% for turn in history %}{{ loop.index }} {{ turn.query }} {% endfor %}", "1 Who was Ada? 2 When? "),
        ("{% for turn in history[-1:] %}{{ turn['answer'] }}{% if loop.last %}.{% endif %}{% endfor %}", "In 1840.."),
        ("{% for turn in history|reverse %}{{ loop.length }}{{ loop.cycle('a', 'b') }}{% endfor %}", "2a2b"),
        ("{% for turn in history %}{% for word in turn.query.split() %}{{ word }}/{% endfor %}{% endfor %}", "Who/was/Ada?/When?/"),
        ("{% for name, text in history[1].items() %}{{ name ~ ': ' ~ text }} {% endfor %}", "query: When? answer: In 1840. "),
        ("{% set last = history[-1] %}{{ last.query + ' ' + last.answer }}", "When? In 1840."),
        ("{{ history|length + 1 }} {{ nothing|default('y') }}", "3 y"),
        ("{{ query|trim|replace('<hello>', 'hi')|tojson }}", '"Say hi \\u0026 bye."'),
        ("{{ ['a', 'b']|join(', ') }}{{ 'c' if 'c' in ['c'] }}", "a, bc"),
        ("{% raw %}{{ query }}{% endraw %}{# a comment #}", "{{ query }}"),
    ],
)  # fmt: skip
def test_what_prompts_need(text: str, filled_in: str) -> None:
    assert fill_in(text, ROW) == filled_in


@settings(deadline=None)
@given(query=st.text(max_size=60), answer=st.text(max_size=60), turns=st.integers(1, 4))
@pytest.mark.parametrize("prompt", sorted((ROOT / "configs" / "prompts").glob("*.jinja")), ids=lambda path: path.stem)
def test_our_prompts_say_what_jinja_makes_of_them(prompt: Path, query: str, answer: str, turns: int) -> None:
    """So that requests keep their digests, by which replies are kept."""
    row = {"transcript": query, "language": answer, "answer": answer}
    row |= {"query": query, "task": query, "context": answer, "history": [{"query": query, "answer": answer}] * turns}
    row["hazards"] = {"none": query, "weapons": answer}
    text = prompt.read_text()
    template = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(text)
    assert fill_in(text, row) == template.render(**row)


def test_the_names_that_it_expects() -> None:
    assert checked("{% set a = query %}{% for t in history %}{{ t.x }}{{ a }}{{ range }}{% endfor %}").variables == (
        "history",
        "query",
        "range",
    )


REFUSED = {
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}": "`read()` can't be called",
    "{{ cycler.__init__ }}": "`__init__`: a prompt reaches no names that begin with an underscore",
    "{{ query['__class__'] }}": "begin with an underscore",
    "{{ lipsum() }}": "calls no function: `lipsum()`",
    "{% set space = namespace() %}": "calls no function: `namespace()`",
    "{{ joiner() }}": "calls no function: `joiner()`",
    "{{ dict(a=1) }}": "calls no function: `dict()`",
    "{{ self }}": "`self` can't be used",
    "{{ super() }}": "calls no function: `super()`",
    "{{ query|attr('x') }}": "no filter 'attr'",
    "{% for n in range(10**9) %}x{% endfor %}": "calls no function: `range()`",
    "{{ 'a' * 10**9 }}": "`*` can't be used",
    "{{ 10 ** 10 ** 10 }}": "`**` can't be used",
    "{{ '%1000000000s' % query }}": "`%` can't be used",
    "{{ '%1000000000s'|format(query) }}": "no filter 'format'",
    "{{ '{:1000000000}'.format(query) }}": "`format()` can't be called",
    "{{ query|center(1000000000) }}": "no filter 'center'",
    "{{ query|indent(1000000000) }}": "no filter 'indent'",
    "{{ query.ljust(1000000000) }}": "`ljust()` can't be called",
    "{{ query|triim }}": "no filter 'triim'; did you mean 'trim'?",
    "{% if query is definde %}{% endif %}": "no test 'definde'; did you mean 'defined'?",
    "{% include 'x' %}": "`include` can't be used",
    "{% import 'x' as y %}": "`import` can't be used",
    "{% from 'x' import y %}": "`from` can't be used",
    "{% extends 'x' %}": "`extends` can't be used",
    "{% block a %}{% endblock %}": "`block` can't be used",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}": "`macro` can't be used",
    "{% call m() %}{% endcall %}": "`call` can't be used",
    "{% filter upper %}a{% endfilter %}": "`filter` can't be used",
    "{% with a = 1 %}{% endwith %}": "`with` can't be used",
    "{% set a %}x{% endset %}": "`set … endset` can't be used",
    "{% autoescape true %}{% endautoescape %}": "`autoescape` can't be used",
    "{% for a in query recursive %}{{ loop(a) }}{% endfor %}": "`recursive` can't be used",
    "{% for a in query %}{% for b in query %}x{% endfor %}{% endfor %}": "a loop in a loop",
    "{% for a in query %}{% for b in a %}{% for c in a %}x{% endfor %}{% endfor %}{% endfor %}": "a loop in a loop",
    "{% set pair = [query, query] %}": "a list in a prompt holds texts and numbers alone",
    "{{ {'a': query} }}": "`{key: value}` can't be used",
    "{{ query|join(*history) }}": "arguments with *",
    "{{ '\\ud800' }}": "half of a surrogate pair",
    "{% do query %}": "not a Jinja template: Encountered unknown tag 'do'",
}


@pytest.mark.parametrize(("text", "why"), REFUSED.items(), ids=list(REFUSED))
def test_what_is_refused_when_it_is_read(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"^, line 2: ") as refused:
        checked(f"Answer.\n{text}")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("text", "why"),
    {
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}": "nested too deeply",
        "{{ " + "query + " * 5000 + "query }}": "nested too deeply",
        "{{ " + "not " * 5000 + "query }}": "nested too deeply",
        "{{ query" + "|trim" * 5000 + " }}": "nested too deeply",
        "{{" * 100_000: "nested too deeply",
        "{{ query }}" * 20_000: "at most 20,000 expressions",
        "x" * 1_000_001: "at most 1,000,000 characters",
        "{{ " + "1" * 5000 + " }}": "a number of thousands of digits",
        "{{ query }}\0": "a NUL",
    }.items(),
    ids=range(9),
)
def test_what_is_too_large_to_be_read(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"^: ") as refused:
        checked(text)
    assert why in str(refused.value) and len(str(refused.value)) < 200


@pytest.mark.parametrize(
    "text",
    [
        "{% set a = query %}" + "{% set a = a ~ a %}" * 60 + "{{ a }}",
        "{% set a = query %}" + "{% set a = a + a %}" * 60 + "{{ a }}",
        "{{ query" + "|replace('', 'twenty more letters ')" * 20 + " }}",
        "{{ query" + "|join('twenty more letters ')" * 20 + " }}",
        "{{ query" + "|tojson" * 90 + " }}",
        "{% set a = query %}{% for b in a %}{% set a = a ~ query %}" + "{{ a }}" * 9000 + "{% endfor %}",
    ],
    ids=["~", "+", "replace", "join", "tojson", "for"],
)
def test_what_makes_much_of_little_is_stopped(text: str) -> None:
    with pytest.raises(
        PromptFault, match=r"^, line 1: it makes too much of little: more than 1,0\d\d,\d\d\d characters"
    ):
        fill_in(text, ROW)


def test_a_long_row_is_no_fault_of_the_prompt() -> None:
    words = "word " * 1_000_000
    assert fill_in("{{ query }}{{ query|trim }}", {"query": words}) == words + words.strip()
    assert len(fill_in("{% for word in query.split() %}{{ word }} {% endfor %}", {"query": words[:500_000]})) == 500_000


@pytest.mark.parametrize(
    ("text", "why"),
    {
        "{{ query + 1 }}": "TypeError",
        "{{ query.nothing }}": "has no attribute 'nothing'",
        "{{ nothing }}": "'nothing' is undefined",
        "{{ history[7].query }}": "no element 7",
        "{{ query['__cl' ~ 'ass__'] }}": "SecurityError",
        "{{ 1 is divisibleby(0) }}": "ZeroDivisionError",
        "{{ query.upper }}": "it shows a value of type builtin_function_or_method",
        "{% set a = history[0].values()|list %}{{ a + a }}": "`+` adds numbers, or joins texts",
    }.items(),
)
def test_what_cannot_be_filled_in_names_its_line(text: str, why: str) -> None:
    with pytest.raises(PromptFault, match=r"^, line 3: ") as fault:
        fill_in(f"Answer.\n{{{{ query }}}}\n{text}", ROW)
    assert why in str(fault.value)


PARTS = [
    "{{ ", " }}", "{% ", " %}", "if", "for a in", "endif", "endfor", "set a =", "query", "history", "loop", "a", "'x'", "7",
    "~", "+", "-", "*", "**", "|", ".", "(", ")", "[", "]", "__class__", "range", "is", "in", "not", ",", "{#", "#}", "\n",
    "recursive", "macro", "namespace", "self", "\\", "\0", "é", *FILTERS, *METHODS,
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=30).map(" ".join) | st.text(max_size=80))
def test_any_text_is_refused_or_filled_in(text: str) -> None:
    """Of whatever is written, only these two errors come, each in one line."""
    try:
        fill_in(text, ROW)
    except (ValueError, PromptFault) as error:
        assert str(error).startswith((", line ", ": "))
