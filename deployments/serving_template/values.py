"""The values of one rendering, and what may stand in each place where a template uses them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import NoReturn
from urllib.parse import quote

from django.utils.translation import gettext as _
from packaging.requirements import InvalidRequirement, Requirement

from deployments.errors import InvalidInput
from deployments.serving_template.quantities import quantity, rounded_up
from deployments.serving_template.schema import SecretKey, ServingTemplate
from deployments.serving_template.yaml_source import PLACEHOLDER, Tree

_PATH = re.compile(r"/[!-~]*")  # printable ASCII without a space: what may stand in a request line
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")
_RUNTIME_PLACEHOLDER = re.compile(r"\{\{[ \t]*(runtime\.[\w.-]+)[ \t]*\}\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FOLDER = re.compile(r"(?:/[\w.@+~-]+)+/?", re.ASCII)  # no commas and colons, which engines separate options by
# Registry, name, tag and digest; which of them there are is the registry's concern.
_IMAGE = re.compile(r"[A-Za-z0-9][\w./:@+-]{0,511}", re.ASCII)


class Values:
    """The values of one rendering, and their checks for each place where they may be used."""

    def __init__(
        self,
        template: ServingTemplate,
        parameters: Mapping[str, str],
        artifacts: Mapping[str, str],
    ) -> None:
        self.template = template
        self.by_name: dict[str, str] = {}
        for parameter in template.parameters:
            value = parameters.get(parameter.name, parameter.default)
            if value is not None:
                self.by_name[f"inputs.parameters.{parameter.name}"] = value
        self.by_name |= {f"inputs.artifacts.{name}": value for name, value in artifacts.items()}

    def text(self, pattern: str, *, encode: bool = False) -> str:
        """Return the pattern with its values filled in. Placeholders inside a value are not replaced."""

        def fill(match: re.Match[str]) -> str:
            value = self.by_name.get(match[1])
            if value is None and match[1].startswith("runtime."):
                return f"{{{{{match[1]}}}}}"
            if value is None:
                name = match[1].removeprefix("inputs.")
                raise InvalidInput({name: _("A value for “%(name)s” is missing.") % {"name": name.partition(".")[2]}})
            return quote(value, safe="") if encode else value

        return PLACEHOLDER.sub(fill, pattern)

    def argument(self, pattern: str) -> str:
        """Return one argument or value of the environment."""
        text = self.text(pattern)
        if "\0" in text:
            self.refuse(pattern, _("The value holds a character (NUL) that no program can be given."))
        return self._runtime(text)

    def image(self, pattern: str) -> str:
        """Return the name of an image; `""` if the template names none."""
        text = self.text(pattern).strip()
        if pattern and not _IMAGE.fullmatch(text):
            self.refuse(
                pattern,
                _("“%(text)s” is no name of a container image, for example registry.example.com/team/server:1.0.")
                % {"text": text[:200]},
            )
        return text

    def secret_key(self, pattern: SecretKey) -> SecretKey:
        return SecretKey(
            secret=self.text(pattern.secret).strip(), key=self.text(pattern.key).strip(), optional=pattern.optional
        )

    def command(self, patterns: tuple[str, ...]) -> tuple[str, ...]:
        command: list[str] = []
        for pattern in patterns:
            if self._is_one_of(self.template.server.split_arguments, pattern):
                command += self._split(pattern)
            else:
                command.append(self.argument(pattern))
        return tuple(command)

    def _split(self, pattern: str) -> list[str]:
        text = self.text(pattern).strip()
        try:
            items = json.loads(text) if text.startswith("[") else shlex.split(text)
        except ValueError as error:
            self.refuse(
                pattern,
                _("This cannot be split into arguments (%(error)s): quote them, or write a JSON list.")
                % {"error": error},
            )
        if not items or not all(isinstance(item, str) and "\0" not in item for item in items):
            self.refuse(pattern, _("At least one argument is needed; in a JSON list, all must be texts."))
        return [self._runtime(item) for item in items]

    def _is_one_of(self, names: frozenset[str], pattern: str) -> bool:
        """Whether the pattern is only the placeholder of one of these parameters."""
        match = PLACEHOLDER.fullmatch(pattern)
        return match is not None and match[1].removeprefix("inputs.parameters.") in names

    def _runtime(self, text: str) -> str:
        """Return the text with the runtime's placeholders (also those in values) in the form that drivers replace."""

        return _RUNTIME_PLACEHOLDER.sub(r"{{\1}}", text)

    def path(self, pattern: str) -> str:
        is_whole = PLACEHOLDER.fullmatch(pattern)  # then the value is a path, not a part of one
        text = self.text(pattern, encode=not is_whole)
        if not _PATH.fullmatch(text):
            self.refuse(pattern, _("“%(text)s” is no path: it must begin with / and hold no spaces.") % {"text": text})
        return text

    def whole(self, pattern: str) -> int:
        text = self.text(pattern).strip()
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            self.refuse(pattern, _("A whole number is needed, not “%(text)s”.") % {"text": text})
        return int(text)

    def port(self, pattern: str) -> int:
        number = self.whole(pattern)
        if not 0 < number < 65536:
            self.refuse(pattern, _("%(port)s is not a port: use 1 to 65535.") % {"port": number})
        return number

    def folder(self, pattern: str) -> str:
        text = self.text(pattern).strip()
        if not _FOLDER.fullmatch(text) or {".", ".."} & set(text.split("/")):
            self.refuse(
                pattern,
                _(
                    "“%(text)s” is no folder: it must begin with / and hold only letters, digits, and the characters "
                    "- _ . @ + ~ in each part."
                )
                % {"text": text},
            )
        return text.rstrip("/")

    def quantity(self, pattern: str, *, thousandths: bool = False) -> int:
        """Return a quantity, rounded up, or its thousandths."""
        text = self.text(pattern).strip()
        if (number := quantity(text)) is None:
            self.refuse(
                pattern, _("“%(text)s” is no amount: write for example 500m, 2, 512Mi or 3Gi.") % {"text": text}
            )
        return rounded_up(number * 1000 if thousandths else number)

    def seconds(self, pattern: str, maximum: int) -> int:
        number = self.whole(pattern)
        if number > maximum:
            self.refuse(pattern, _("At most %(most)s seconds are possible.") % {"most": maximum})
        return number

    def positive(self, pattern: str) -> int:
        number = self.whole(pattern)
        if number == 0:
            self.refuse(pattern, _("A number above 0 is needed."))
        return number

    def requirements(self, patterns: tuple[str, ...]) -> tuple[str, ...]:
        requirements: list[str] = []
        for pattern in patterns:
            may_be_several = PLACEHOLDER.fullmatch(pattern)
            text = self.text(pattern)
            lines = [line.strip() for line in (text.splitlines() if may_be_several else [text])]
            for line in filter(None, lines):
                try:
                    Requirement(line)
                except InvalidRequirement as error:
                    reason = str(error).splitlines()[0].rstrip(".")
                    self.refuse(
                        pattern,
                        _("“%(line)s” is no Python requirement: %(reason)s.") % {"line": line, "reason": reason},
                    )
                requirements.append(line)
        return tuple(requirements)

    def header(self, name: str, pattern: str) -> str:
        text = self.text(pattern)
        if not _HEADER_NAME.fullmatch(name) or _CONTROL.search(text) or not text.isascii():
            self.refuse(pattern, _("The header %(name)s must be plain text on one line.") % {"name": name})
        return text

    def tree(self, pattern: Tree) -> Tree:
        if isinstance(pattern, dict):
            return {name: self.tree(value) for name, value in pattern.items()}
        if isinstance(pattern, list):
            return [self.tree(value) for value in pattern]
        if not isinstance(pattern, str):
            return pattern
        text = self.text(pattern)
        return self._json(pattern, text) if self._is_one_of(self.template.server.json_values, pattern) else text

    def _json(self, pattern: str, text: str) -> Tree:
        try:
            tree: Tree = json.loads(text)
        except (ValueError, RecursionError) as error:
            self.refuse(pattern, _("This is not valid JSON: %(error)s.") % {"error": error})
        return tree

    def refuse(self, pattern: str, sentence: str) -> NoReturn:
        """Raise InvalidInput for the parameter in the pattern, for the whole input when it has none or several."""
        names = set(re.findall(r"(?<=inputs\.)parameters\.[\w.-]+", pattern))
        raise InvalidInput({names.pop() if len(names) == 1 else "": sentence})
