"""Parses YAML that contains placeholders, and records the line of every field.

Real templates write placeholders without quotes (`image: {{inputs.parameters.image}}`), which is no valid YAML until
it is rendered, and have whole sections in block strings. Here placeholders are escaped before YAML is parsed and
restored afterwards, so that values can be filled in as data, and a section in a block string has the file's line
numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

Tree: TypeAlias = "bool | int | float | str | list[Tree] | dict[str, Tree] | None"
Path: TypeAlias = tuple[str | int, ...]

PLACEHOLDER = re.compile(r"\{\{[ \t]*([^{}\n]*?)[ \t]*\}\}")
_DOCUMENT_MARK = re.compile(r"^(?:---|\.\.\.)(?=[ \t\r]|$)", re.MULTILINE)
_OPEN, _CLOSE = "\ue000", "\ue001"  # private-use characters: legal in YAML and without a meaning there
_MAX_NODES = 20_000  # ends the expansion of aliases that refer to aliases
_MAX_DEPTH = 60
_TYPED = {f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float")}
_NULL = "tag:yaml.org,2002:null"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem of a file.

    Args:
        file: name of the file, `""` when it has none.
        line: line in the file, counted from 1.
        field: its path, e.g. `spec.inputs.parameters[0].name`; `""` for the whole document.
        sentence: what is wrong, and how to fix it.
    """

    file: str
    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        location = ", ".join(part for part in (self.file, f"line {self.line}", self.field) if part)
        return f"{location}: {self.sentence}"


class _Refused(Exception):
    """The document has a structure that is not accepted; `line` is the node's (from 0)."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


def documents(text: str) -> Iterator[tuple[int, str]]:
    """Yield first line (counted from 1) and source of each YAML document that has more than comments."""
    start = 0
    for end in [*(match.start() for match in _DOCUMENT_MARK.finditer(text)), len(text)]:
        part = text[start:end]
        if any(line.split("#")[0].strip(" \t\r-.") for line in part.splitlines()):
            yield text.count("\n", 0, start) + 1, part
        start = end


@dataclass(kw_only=True)
class Source:
    """One document while it is being read: its problems, what is refused at import, and the line of each field.

    The methods check and convert a value. One of the wrong type is reported as a problem and replaced by an empty
    value, so that one run finds as many problems as possible.
    """

    file: str
    first_line: int
    problems: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    lines: dict[Path, int] = field(default_factory=dict)

    def report(self, path: Path, sentence: str, *, line: int | None = None) -> None:
        self.problems.append(
            Problem(file=self.file, line=line or self.line(path), field=dotted(path), sentence=sentence)
        )

    def refuse(self, path: Path, sentence: str) -> None:
        """Note a part that keeps a template from being imported, and not one that is there from being read."""
        self.refused.append(Problem(file=self.file, line=self.line(path), field=dotted(path), sentence=sentence))

    def line(self, path: Path) -> int:
        """Return the line of a field, or of the nearest field around it when there is no such field."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, self.first_line)

    def load(self, text: str, path: Path = (), *, typed: bool = False) -> Tree:
        """Parse YAML that begins on the line of `path`.

        Args:
            typed: return numbers and booleans as such; otherwise every scalar is the text that was written
                (`1.10` stays `1.10`).

        Returns:
            The tree; None when it is empty, or a problem was reported.
        """
        first = self.line(path)
        try:
            loader = yaml.SafeLoader(PLACEHOLDER.sub(_escaped, text))
            node = loader.get_single_node()
            return None if node is None else _Builder(self, loader, first, typed=typed).build(node, path)
        except _Refused as error:
            self.report(path, error.sentence, line=first + error.line)
        except RecursionError:
            self.report(path, "This is nested too deeply.", line=first)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            sentence = f"This is not valid YAML: {_restored(error.problem or 'it cannot be read')}."
            self.report(path, sentence, line=first + (mark.line if mark else 0))
        except yaml.reader.ReaderError as error:
            line = first + text.count("\n", 0, error.position)
            self.report(path, f"The character U+{error.character:04X} is not allowed in YAML.", line=line)
        return None

    def mapping(self, value: Tree, path: Path) -> dict[str, Tree]:
        """Return a mapping that was written as one or as a block string."""
        if isinstance(value, str):
            value = self.load(value, path)
        if value is None or isinstance(value, dict):
            return value or {}
        self.report(path, "Names and values (`name: value`) are needed here.")
        return {}

    def items(self, value: Tree, path: Path) -> list[Tree]:
        if value is None or isinstance(value, list):
            return value or []
        self.report(path, "A list is needed here.")
        return []

    def text(self, value: Tree, path: Path) -> str:
        if isinstance(value, (dict, list)):
            self.report(path, "A text is needed here.")
            return ""
        return "" if value is None else str(value)

    def texts(self, value: Tree, path: Path) -> dict[str, str]:
        return {name: self.text(item, (*path, name)) for name, item in self.mapping(value, path).items()}

    def whole(self, value: Tree, path: Path) -> str:
        """Return the text of a whole number, or one with placeholders, which is checked when they are filled in."""
        text = self.text(value, path).strip()
        if text and not PLACEHOLDER.search(text) and not (text.isascii() and text.isdigit()):
            self.report(path, f"A whole number is needed, not “{text}”.")
        return text


class _Builder:
    """Converts the nodes of one YAML text to a tree and records their lines."""

    def __init__(self, source: Source, loader: yaml.SafeLoader, first_line: int, *, typed: bool) -> None:
        self.source = source
        self.loader = loader
        self.first_line = first_line
        self.typed = typed
        self.count = 0

    def build(self, node: yaml.Node, path: Path, depth: int = 0) -> Tree:
        self.count += 1
        if self.count > _MAX_NODES or depth > _MAX_DEPTH:
            raise _Refused(node.start_mark.line, "This is too large or nested too deeply.")
        # The content of a block string begins on the line below its indicator.
        below = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
        self.source.lines[path] = self.first_line + node.start_mark.line + below
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Tree]:
        tree: dict[str, Tree] = {}
        written: set[str] = set()
        for key, value in node.value:
            name = self._key(key)
            if name in written:
                self.source.report(
                    (*path, name), f"“{name}” is written twice.", line=self.first_line + key.start_mark.line
                )
            written.add(name)
            if key.tag == "tag:yaml.org,2002:merge":
                raise _Refused(key.start_mark.line, "Merge keys (<<) are not supported: write the values out.")
            tree[name] = self.build(value, (*path, name), depth + 1)
            if not isinstance(value, yaml.ScalarNode):
                self.source.lines[(*path, name)] = self.first_line + key.start_mark.line
        return tree

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _Refused(node.start_mark.line, "A name must be a text, not a list or a mapping.")
        return _restored(node.value)

    def _scalar(self, node: yaml.Node) -> Tree:
        if node.tag == _NULL:
            return None
        if self.typed and node.tag in _TYPED:
            try:
                value = self.loader.construct_object(node)
            except ValueError as error:
                raise _Refused(node.start_mark.line, f"“{node.value}” is not a number: {error}.") from error
            if isinstance(value, (bool, int, float)) and value - value == 0:  # neither infinite nor NaN
                return value
        return _restored(str(node.value))


def as_mapping(tree: Tree) -> dict[str, Tree]:
    """Return a mapping, an empty one for anything else."""
    return tree if isinstance(tree, dict) else {}


def as_list(tree: Tree) -> list[Tree]:
    """Return a list, an empty one for anything else."""
    return tree if isinstance(tree, list) else []


def dotted(path: Path) -> str:
    """Return a path as people write it, e.g. `spec.inputs.parameters[0].name`."""
    text = ""
    for part in path:
        if isinstance(part, int) or not re.fullmatch(r"[\w-]+", part):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def _escaped(placeholder: re.Match[str]) -> str:
    """Return a placeholder in a form that YAML parses as text. Others than ours are part of a value: spaces stay."""
    is_ours = placeholder[1].startswith(("inputs.", "runtime."))
    return f"{_OPEN}{placeholder[1] if is_ours else placeholder[0][2:-2]}{_CLOSE}"


def _restored(text: str) -> str:
    return text.replace(_OPEN, "{{").replace(_CLOSE, "}}")
