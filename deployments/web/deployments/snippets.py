"""The sample request as commands and programs to copy and paste."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployments.serving_template import Sample

TOKEN_VARIABLE = "$TOKEN"  # noqa: S105 the name of a variable


@dataclass(frozen=True, kw_only=True)
class Snippet:
    """One way to send the request; `key` is unique on the page."""

    key: str
    label: str
    text: str


def snippets(url: str, sample: Sample, *, authority: str, token: str = "") -> Sequence[Snippet]:
    """Return the request for a shell, Python and JavaScript.

    Args:
        url: URL of the deployment.
        authority: path of the certificate authority's file, `""` when the system trusts it already.
        token: to put into them; without one they read the environment variable TOKEN.
    """
    address = url + sample.path
    return [
        Snippet(key="curl", label="curl", text=_curl(address, sample, authority, token)),
        Snippet(key="python", label="Python", text=_python(address, sample, authority, token)),
        Snippet(key="javascript", label="JavaScript", text=_javascript(address, sample, authority, token)),
    ]


def _curl(address: str, sample: Sample, authority: str, token: str) -> str:
    lines = [f"curl {shlex.quote(address)}"]
    if sample.method != "GET":
        lines.append(f"--request {sample.method}")
    if authority:
        lines.append(f"--cacert {shlex.quote(authority)}")
    lines.append('--header "Authorization: Bearer $TOKEN"')
    lines += [f"--header {shlex.quote(f'{name}: {value}')}" for name, value in sample.headers.items()]
    if sample.body is not None:
        lines.append(f"--data-binary {shlex.quote(sample.body)}")
    command = " \\\n  ".join(lines)
    return f"TOKEN={shlex.quote(token)}\n{command}" if token else command


def _python(address: str, sample: Sample, authority: str, token: str) -> str:
    secret = repr(token) if token else 'os.environ["TOKEN"]'
    headers = _entries(sample.headers, 'f"Bearer {token}"')
    body = f"{sample.body!r}.encode()" if sample.body is not None else "None"
    context = f"ssl.create_default_context(cafile={authority!r})" if authority else "ssl.create_default_context()"
    needs = "ssl\nimport urllib.request" if token else "os\nimport ssl\nimport urllib.request"
    return (
        f"import {needs}\n\n"
        f"token = {secret}\n"
        "request = urllib.request.Request(\n"
        f"    {address!r},\n"
        f"    method={sample.method!r},\n"
        f"    headers={headers},\n"
        f"    data={body},\n"
        ")\n"
        f"context = {context}\n"
        "with urllib.request.urlopen(request, context=context) as answer:\n"
        "    print(answer.read().decode())\n"
    )


def _javascript(address: str, sample: Sample, authority: str, token: str) -> str:
    secret = json.dumps(token) if token else "process.env.TOKEN"
    headers = _entries(sample.headers, "`Bearer ${token}`")
    authority_line = f'  ca: require("node:fs").readFileSync({json.dumps(authority)}),\n' if authority else ""
    body = json.dumps(sample.body, ensure_ascii=False) if sample.body is not None else ""
    return (
        "// Node.js 18 or newer\n"
        f"const token = {secret};\n"
        f'const request = require("node:https").request({json.dumps(address)}, {{\n'
        f"  method: {json.dumps(sample.method)},\n"
        f"  headers: {headers},\n"
        f"{authority_line}"
        "}, (answer) => answer.pipe(process.stdout));\n"
        'request.on("error", console.error);\n'
        f"request.end({body});\n"
    )


def _entries(headers: Mapping[str, str], bearer: str) -> str:
    entries = [f'"Authorization": {bearer}']
    entries += [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in headers.items()]
    return "{" + ", ".join(entries) + "}"
