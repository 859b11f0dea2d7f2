"""The one place where YAML is read: maps, lists, texts, numbers, true, false and null, and nothing else.

Against plain YAML: keys are texts (`on`, 1), and none is there twice; a date is a text; what names a type of Python or a
set is refused; nothing is nested without end, and merges (`<<`) don't multiply.
"""

from typing import Any

import yaml

LONGEST = 1_000_000  # characters of a text
DEEPEST = 64  # maps and lists in each other
MOST = 50_000  # values: an alias counts as one
_MOST_MERGED = 10_000  # keys that a map has with those that it merges
_TYPE = "tag:yaml.org,2002:"
_KNOWN = ("null", "bool", "int", "float", "str", "seq", "map")
_NOT_READ = ("timestamp", "value")  # types that plain YAML sees in texts: 2024-01-01, and =


class NotYaml(Exception):
    """The text can't be read; `line` (from 1) is None where no line is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line = message, line


def read(text: str) -> Any:
    """What the text says. Aliases give one object in several places. Raises NotYaml."""
    if len(text) > LONGEST:
        raise NotYaml(f"it has more than {LONGEST:,} characters")
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        what = str(error.problem)
        if what.startswith(("but ", "second ")):  # it goes on from its context
            what = f"{error.context}, {what}"
        if "'\\t'" in what:
            what = "a tab, where YAML takes spaces alone"
        raise NotYaml(what, error.problem_mark.line + 1 if error.problem_mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYaml(f"the character U+{error.character:04X} can't be in it", line) from None
    except RecursionError:
        raise NotYaml("an alias stands inside of what it means") from None


class _Loader(yaml.SafeLoader):
    depth = count = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.depth, self.count = self.depth + 1, self.count + 1
        if self.depth > DEEPEST or self.count > MOST:
            what = f"nested deeper than {DEEPEST} levels" if self.depth > DEEPEST else f"more than {MOST:,} values"
            raise _fault(what, self.peek_event())  # type: ignore[no-untyped-call]
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for place, (key, value) in enumerate(node.value):
            if not isinstance(key, yaml.ScalarNode):
                raise _fault("a list or a map stands where a key belongs", key)
            if key.tag == f"{_TYPE}merge":
                continue
            if key.value in seen:
                raise _fault(f"the key '{key.value[:40]}' is there twice", key)
            seen.add(key.value)
            node.value[place] = (yaml.ScalarNode(f"{_TYPE}str", key.value, key.start_mark, key.end_mark), value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_MERGED:
            raise _fault(f"a map of more than {_MOST_MERGED:,} keys, with those that it merges", node)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag not in self.yaml_constructors:
            raise _fault(f"the type {node.tag.replace(_TYPE, '!!')[:40]} can't be used", node)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError):  # of Python, for 0x_, !!bool x, !!int '' or a number of 5,000 digits
            kind = {"int": "a whole number", "float": "a number", "bool": "true or false"}[node.tag.removeprefix(_TYPE)]
            raise _fault(f"{node.value[:40]!r} is not {kind}; a text stands in quotes", node) from None


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag.removeprefix(_TYPE) not in _NOT_READ]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.yaml_constructors = {
    tag: construct
    for tag, construct in yaml.SafeLoader.yaml_constructors.items()
    if str(tag).removeprefix(_TYPE) in _KNOWN
}


def _fault(what: str, place: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=what, problem_mark=place.start_mark)
