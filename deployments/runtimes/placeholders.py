"""The placeholders that a runtime replaces when it starts a server, so that stored specifications contain no paths.

`{{runtime.port}}` is the port that the server listens on, `{{runtime.artifacts.NAME}}` the path of an input artifact
where the server finds it. So neither a moved checkout nor another version beside it changes what a stored
specification means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from deployments import reasons
from deployments.errors import RuntimeRejected

_PLACEHOLDER = re.compile(r"\{\{\s*runtime\.(?:(port)|artifacts\.([\w.-]+))\s*\}\}")


def filled(text: str, *, port: int, artifacts: Mapping[str, PurePath | str]) -> str:
    """Return a text with the values of its placeholders.

    Args:
        artifacts: paths of the input artifacts, by their names in the template.

    Raises:
        RuntimeRejected: it names an input artifact that the configuration does not have.
    """

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return str(port)
        if match[2] not in artifacts:
            raise RuntimeRejected(reasons.ARTIFACT_NOT_GIVEN(name=match[2]))
        return str(artifacts[match[2]])

    return _PLACEHOLDER.sub(value, text)
