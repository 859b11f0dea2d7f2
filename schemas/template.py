"""Templates of prompts: the part of Jinja that can do no harm and always comes to an end.

Prompts travel with recipes, so a template is checked before it is compiled. It may print, choose (`if`), go over what the
row holds (`for`), name values (`set`), and use some filters and methods; anything else is refused with its line. What is
left could still multiply text, so filling a template in has a budget.
"""

from collections.abc import Iterator, Mapping, Sized
from functools import lru_cache
from typing import Any, NamedTuple

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes, pass_context
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from voxsmith.schemas.names import nearest
from voxsmith.schemas.text import clean

LONGEST = 1_000_000  # characters of a template
_MOST_PARTS = 20_000  # expressions and statements of a template
_LEAST = 1_000_000  # steps that filling in may always take: characters made, and expressions worked out in loops
_FOR_EACH = 100  # steps more for each character that the row brings

# What makes little of much, and shows nothing of Python's insides.
FILTERS = (
    "capitalize", "count", "d", "default", "first", "int", "join", "last", "length", "list", "lower", "replace", "reverse",
    "string", "title", "tojson", "trim", "truncate", "upper", "wordcount",
)  # fmt: skip
METHODS = (
    "capitalize", "count", "cycle", "endswith", "find", "get", "isalpha", "isdigit", "items", "keys", "lower", "lstrip",
    "partition", "removeprefix", "removesuffix", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith",
    "strip", "title", "upper", "values",
)  # fmt: skip
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Assign, nodes.Const, nodes.Name,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call, nodes.Keyword, nodes.Compare,
    nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Add, nodes.Sub, nodes.CondExpr, nodes.Concat,
    nodes.List, nodes.Tuple, nodes.Scope,
)  # fmt: skip
_WRITTEN: dict[type[nodes.Node], str] = {  # what isn't allowed, as a template has it, where its name doesn't say so
    nodes.Mul: "*", nodes.Div: "/", nodes.FloorDiv: "//", nodes.Mod: "%", nodes.Pow: "**", nodes.Dict: "{key: value}",
    nodes.FromImport: "from", nodes.CallBlock: "call", nodes.FilterBlock: "filter", nodes.AssignBlock: "set … endset",
    nodes.NSRef: "namespace", nodes.ScopedEvalContextModifier: "autoescape",
}  # fmt: skip
_BUDGET, _EACH, _JOINED = " budget", " each", " joined"  # names that no template can write


class PromptFault(Exception):
    """A prompt can't be filled in. It is at fault, not the row: the message says in which line, and why."""


class Checked(NamedTuple):
    """A template that may be filled in: compiled, and the names of the variables that it expects."""

    template: Template
    variables: tuple[str, ...]


@lru_cache(maxsize=64)
def checked(text: str) -> Checked:
    """The template, compiled once: that takes a hundred times as long as filling it in.

    Raises ValueError for one that isn't allowed; the message begins with ", line N: ", or ": " where no line is at fault.
    """
    if len(text) > LONGEST:
        raise ValueError(f": a prompt has at most {LONGEST:,} characters")
    if "\0" in text:
        raise ValueError(": it holds a NUL, so it is no text")
    try:
        tree = _parsed(text)
        if _check(tree) > _MOST_PARTS:
            raise ValueError(f": a prompt has at most {_MOST_PARTS:,} expressions and statements")
        variables = tuple(sorted(meta.find_undeclared_variables(tree)))
        return Checked(_JINJA.from_string(_Metered().visit(tree)), variables)
    except _Refused as refused:
        raise ValueError(f", line {refused.line}: {refused}") from None
    except TemplateSyntaxError as error:
        raise ValueError(f", line {error.lineno}: not a Jinja template: {error.message}") from None
    except (
        RecursionError,
        MemoryError,
        SyntaxError,
    ):  # of Jinja's parser, or of Python's, which reads what Jinja makes
        raise ValueError(": not a Jinja template that can be compiled: it is nested too deeply") from None


def _parsed(text: str) -> nodes.Template:
    try:
        return _JINJA.parse(text)
    except ValueError:  # of Python, which is why it has no line
        raise ValueError(": not a Jinja template: it holds a number of thousands of digits") from None


def fill_in(text: str, variables: Mapping[str, Any]) -> str:
    """The template with its variables filled in. Raises PromptFault."""
    template = checked(text).template
    budget = _Budget(_LEAST + _FOR_EACH * _size(variables))
    try:
        return "".join(template.root_render_func(template.new_context({**variables, _BUDGET: budget})))
    except MemoryError:
        raise
    except (
        Exception
    ) as error:  # of the template, or of what it does with the values: an undefined one, a text plus a number
        why = str(error) if isinstance(error, PromptFault) else f"{type(error).__name__}: {error}"
        raise PromptFault(f", line {_line(template, error)}: {why}") from None


class _Refused(Exception):
    def __init__(self, node: nodes.Node, message: str) -> None:
        super().__init__(message)
        self.line = node.lineno


def _check(node: nodes.Node, items: frozenset[str] = frozenset(), inside: bool = False) -> int:
    """How many parts the node has. Raises _Refused for what a prompt may not have.

    `inside`: whether a loop is around it; `items`: the names that the innermost loop gives its items.
    """
    if type(node) not in _ALLOWED:
        written = _WRITTEN.get(type(node), type(node).__name__.lower())
        raise _Refused(node, f"`{written}` can't be used in a prompt; what can is {{{{ … }}}}, if, for and set")
    match node:
        case nodes.Name(name="self" | "super"):
            raise _Refused(node, f"`{node.name}` can't be used in a prompt")
        case nodes.Getattr(attr=name) | nodes.Getitem(arg=nodes.Const(value=str(name))) if name.startswith("_"):
            raise _Refused(node, f"`{name}`: a prompt reaches no names that begin with an underscore")
        case nodes.Const(value=str(value)) if "\0" in value or clean(value) != value:
            raise _Refused(node, "a text in it holds NUL or half of a surrogate pair")
        case nodes.List() | nodes.Tuple(ctx="load") if not all(isinstance(item, nodes.Const) for item in node.items):
            raise _Refused(node, "a list in a prompt holds texts and numbers alone")
        case nodes.Filter() | nodes.Test() | nodes.Call() if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise _Refused(node, "arguments with * can't be used in a prompt")
        case nodes.Filter(name=name) if name not in FILTERS:
            raise _Refused(node, f"a prompt has no filter '{name}'; {nearest(name, FILTERS)}")
        case nodes.Test(name=name) if name not in _JINJA.tests:
            raise _Refused(node, f"there is no test '{name}'; {nearest(name, filter(str.isidentifier, _JINJA.tests))}")
        case nodes.Call(node=nodes.Getattr(attr=name)) if name not in METHODS:
            raise _Refused(node, f"`{name}()` can't be called in a prompt; {nearest(name, METHODS)}")
        case nodes.Call(node=called) if not isinstance(called, nodes.Getattr):
            raise _Refused(node, f"a prompt calls no function{_named(called)}")
        case nodes.For():
            if node.recursive:
                raise _Refused(node, "`recursive` can't be used in a prompt")
            if inside and _root(node.iter) not in items:
                raise _Refused(node, "a loop in a loop may only go over what the outer one's item holds")
            items, inside = frozenset(one.name for one in _names(node.target)), True
    return 1 + sum(_check(child, items, inside) for child in node.iter_child_nodes())


def _names(target: nodes.Node) -> list[nodes.Name]:
    return [target] if isinstance(target, nodes.Name) else list(target.find_all(nodes.Name))


def _named(called: nodes.Node) -> str:
    return f": `{called.name}()`" if isinstance(called, nodes.Name) else ""


def _root(node: nodes.Node | None) -> str:
    """The variable that the expression is a part of; "" where it is no part of one."""
    while isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Filter | nodes.Call):
        node = node.node
    return node.name if isinstance(node, nodes.Name) else ""


class _Metered(NodeTransformer):
    """Puts the budget where text is put together and where a loop begins."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        first, *rest = node.nodes
        return self.generic_visit(nodes.Filter(first, _JOINED, rest, [], None, None, lineno=node.lineno))

    def visit_For(self, node: nodes.For) -> nodes.Node:
        steps = sum(_steps(part) for part in [*node.body, *([node.test] if node.test else [])])
        each = nodes.Filter(node.iter, _EACH, [nodes.Const(steps)], [], None, None, lineno=node.lineno)
        self.generic_visit(node)
        node.iter = each
        return node


def _steps(node: nodes.Node) -> int:
    own = len(node.data) if isinstance(node, nodes.TemplateData) else 1
    return own + sum(map(_steps, node.iter_child_nodes()))


class _Budget:
    def __init__(self, steps: int) -> None:
        self.steps = self.left = steps

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise PromptFault(f"it makes too much of little: more than {self.steps:,} characters and steps")


def _size(value: Any) -> int:
    """Characters of all texts in it, and one for anything else."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return 1 + sum(map(_size, value)) + sum(map(_size, value.values()))
    return 1 + sum(map(_size, value)) if isinstance(value, list | tuple) else 1


def _line(template: Template, error: Exception) -> int:
    """The line of the template that raised the error."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line


class _Jinja(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset("+")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, str) and isinstance(right, str):
            return _joined(context, left, right)
        if any(isinstance(one, list | tuple) for one in (left, right)):
            raise PromptFault("`+` adds numbers, or joins texts")
        return super().call_binop(context, operator, left, right)

    def call(self, context: Context, method: Any, *arguments: Any, **named: Any) -> Any:  # type: ignore[override]
        value = super().call(context, method, *arguments, **named)
        context[_BUDGET].spend(_size(value))
        return value


@pass_context
def _joined(context: Context, *values: Any) -> str:
    texts = [str(value) for value in values]
    context[_BUDGET].spend(sum(map(len, texts)))
    return "".join(texts)


@pass_context
def _each(context: Context, values: Any, steps: int) -> Any:
    values = values if isinstance(values, Sized) else list(values)
    context[_BUDGET].spend(steps * len(values))
    return values


@pass_context
def _shown(context: Context, value: Any) -> str:
    """A value as the prompt shows it: not a method or the like, whose text is another in each process."""
    if not isinstance(value, Undefined) and (callable(value) or isinstance(value, Iterator)):
        raise PromptFault(f"it shows a value of type {type(value).__name__}, which is no text")
    return _joined(context, value)


@pass_context
def _join(context: Context, values: Any, d: Any = "", attribute: Any = None) -> Any:
    values, separator = list(values), str(d)
    context[_BUDGET].spend(len(values) * len(separator))
    return _PLAIN.call_filter("join", values, (separator, attribute), context=context)


@pass_context
def _replace(context: Context, value: Any, old: Any, new: Any, count: Any = None) -> Any:
    value, old, new = str(value), str(old), str(new)
    context[_BUDGET].spend(value.count(old) * len(new))
    return _PLAIN.call_filter("replace", value, (old, new, count), context=context)


def _metered(name: str) -> Any:
    """The filter, whose result is paid for when it is there: it is about as long as what it is made of."""

    @pass_context
    def metered(context: Context, value: Any, *arguments: Any, **named: Any) -> Any:
        result = _PLAIN.call_filter(name, value, arguments, named, context=context)
        result = list(result) if isinstance(result, Iterator) else result
        context[_BUDGET].spend(_size(result))
        return result

    return metered


def _environment() -> _Jinja:
    jinja = _Jinja(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown)
    jinja.globals.clear()
    growing = {"join": _join, "replace": _replace}
    jinja.filters = {name: growing.get(name) or _metered(name) for name in FILTERS} | {_JOINED: _joined, _EACH: _each}
    return jinja


_PLAIN = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
_JINJA = _environment()
