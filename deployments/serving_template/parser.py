"""Reads ServingTemplate YAML into plain data: the way to templates for the rest of Launchpad.

A template that somebody keeps in git for SAP AI Core is read unchanged: sections may be mappings or block strings,
placeholders may stand without quotes. Everything that is wrong in a file is reported at once, with its line.
`schema.py` has the data and the annotations of our own, `renderer.py` fills in the values.
"""

from __future__ import annotations

import re

from deployments.serving_template.annotations import NOTES, OWN, with_own_annotations
from deployments.serving_template.modules import FOLDER
from deployments.serving_template.schema import (
    API_VERSION,
    ARTIFACT_KINDS,
    DEFAULT_PLAN,
    ID,
    KIND,
    MAX_PARAMETERS,
    MAX_VALUE,
    PARAMETER_TYPES,
    SCENARIO_ID,
    InputArtifact,
    Parameter,
    SecretKey,
    ServerTemplate,
    ServingTemplate,
    TemplateInvalid,
)
from deployments.serving_template.yaml_source import PLACEHOLDER, Path, Problem, Source, Tree, documents

_MAX_FILE = 1_000_000  # characters
_INPUT_NAME = re.compile(r"[\w.-]{1,256}", re.ASCII)
_ENV_NAME = re.compile(r"[A-Za-z_.-][\w.-]*", re.ASCII)
# Whole numbers as YAML alone writes them.
_WHOLE = re.compile(r"[+-]?(?:[1-9][\d_]*_[\d_]*|0x[\da-fA-F][\da-fA-F_]*|0b[01][01_]*)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?", re.ASCII)
_BODY: Path = ("spec", "template")
_PREDICTOR: Path = (*_BODY, "spec", "predictor")
_CONTAINER: Path = (*_PREDICTOR, "containers", 0)


def parse(text: str, *, filename: str = "") -> tuple[ServingTemplate, ...]:
    """Read all templates of a file.

    Args:
        text: the file's content, one or several YAML documents.
        filename: how problems call the file.

    Raises:
        TemplateInvalid: with every problem found in any of the documents.
    """
    if len(text) > _MAX_FILE:
        raise TemplateInvalid([Problem(file=filename, line=1, field="", sentence="The file is larger than 1 MB.")])
    problems: list[Problem] = []
    templates: list[ServingTemplate] = []
    for first_line, part in documents(text):
        source = Source(file=filename, first_line=first_line, problems=problems)
        template = _read(source, part)
        if template is None:
            continue
        if template.executable_id in {other.executable_id for other in templates}:
            source.report(("metadata", "name"), f"“{template.executable_id}” is in this file twice.")
        templates.append(template)
    if not templates and not problems:
        problems.append(Problem(file=filename, line=1, field="", sentence=f"There is no {KIND} in this file."))
    if problems:
        raise TemplateInvalid(problems)
    return tuple(templates)


def _read(source: Source, text: str) -> ServingTemplate | None:
    before = len(source.problems)
    root = source.mapping(source.load(text), ())
    if len(source.problems) > before:  # without a tree everything would be reported as missing
        return None
    for name, wanted in (("apiVersion", API_VERSION), ("kind", KIND)):
        if (found := root.get(name)) != wanted:
            source.report((name,), f"This must be {wanted}" + (f", not “{found}”." if found else "."))
    meta = source.mapping(root.get("metadata"), ("metadata",))
    labels = source.texts(meta.get("labels"), ("metadata", "labels"))
    notes = source.texts(meta.get("annotations"), NOTES)
    spec = source.mapping(root.get("spec"), ("spec",))
    inputs = source.mapping(spec.get("inputs"), ("spec", "inputs"))
    executable_id = _id(source, meta.get("name"), ("metadata", "name"))
    scenario_id = _id(
        source,
        labels.get("scenarios.ai.sap.com/id"),
        ("metadata", "labels", "scenarios.ai.sap.com/id"),
        pattern=SCENARIO_ID,
    )
    if not labels.get("ai.sap.com/version"):
        source.report(("metadata", "labels", "ai.sap.com/version"), "The version is missing, for example 1.0.0.")
    body = _body(source, spec)
    template = ServingTemplate(
        executable_id=executable_id,
        name=notes.get("executables.ai.sap.com/name") or executable_id,
        description=notes.get("executables.ai.sap.com/description", ""),
        scenario_id=scenario_id,
        scenario_name=notes.get("scenarios.ai.sap.com/name") or scenario_id,
        scenario_description=notes.get("scenarios.ai.sap.com/description", ""),
        version=labels.get("ai.sap.com/version", ""),
        parameters=_parameters(source, inputs),
        artifacts=_artifacts(source, inputs, notes),
        labels=labels,
        annotations=notes,
        body=body,
        server=with_own_annotations(source, notes, _server(source, body)),
        text=text,
    )
    _check_placeholders(source, template)
    return template


def _id(source: Source, value: Tree, path: Path, *, pattern: re.Pattern[str] = ID) -> str:
    text = source.text(value, path)
    if not pattern.fullmatch(text):
        found = f"“{text}” is no valid id" if text else "The id is missing"
        fewest = 2 if pattern is SCENARIO_ID else 4
        source.report(path, f"{found}: {fewest} to 64 letters, digits, dots, dashes or underscores are needed.")
    return text


# --- Inputs -----------------------------------------------------------------------------------------------------


def _parameters(source: Source, inputs: dict[str, Tree]) -> tuple[Parameter, ...]:
    path: Path = ("spec", "inputs", "parameters")
    found = []
    for name, item, place in _named(source, inputs.get("parameters"), path):
        written = source.text(item.get("type"), (*place, "type")) or "string"
        if written.lower() not in PARAMETER_TYPES:
            known = ", ".join(sorted(set(PARAMETER_TYPES.values())))
            source.report((*place, "type"), f"“{written}” is no type of a parameter: use one of {known}.")
        kind = PARAMETER_TYPES.get(written.lower(), "string")
        default = None if item.get("default") is None else source.text(item["default"], (*place, "default"))
        if default is not None and len(default) > MAX_VALUE:
            source.report((*place, "default"), f"A value may have at most {MAX_VALUE} characters.")
        found.append(
            Parameter(
                name=name,
                type=kind,
                default=None if default is None else _of_type(kind, default),
                description=source.text(item.get("description"), (*place, "description")).strip(),
            )
        )
    if len(found) > MAX_PARAMETERS:
        source.report(path, f"There are {len(found)} parameters; at most {MAX_PARAMETERS} are allowed.")
    return tuple(found)


def _of_type(kind: str, text: str) -> str:
    """Return a default as values of its type are written: YAML's `True`, `1e3`, `1_000` are `true`, `1000.0`, `1000`.

    What is written plainly stays as it is, and so does what is no value of the type: the form says so.
    """
    plain = text.strip()
    if kind == "boolean":
        return plain.lower() if plain.lower() in ("true", "false") else text
    if kind == "integer" and _WHOLE.fullmatch(plain):
        return str(int(plain.replace("_", ""), 0))
    if kind == "number" and not _DECIMAL.fullmatch(plain) and _FLOAT.fullmatch(plain):
        return str(float(plain.replace("_", "")))
    return text


def _artifacts(source: Source, inputs: dict[str, Tree], notes: dict[str, str]) -> tuple[InputArtifact, ...]:
    found = []
    for name, _item, _place in _named(source, inputs.get("artifacts"), ("spec", "inputs", "artifacts")):
        prefix = f"artifacts.ai.sap.com/{name}."
        kind = notes.get(f"{prefix}kind", "").strip().lower()
        if kind and kind not in ARTIFACT_KINDS:
            source.report(
                (*NOTES, f"{prefix}kind"),
                f"“{kind}” is no kind of artifact: use one of {', '.join(ARTIFACT_KINDS)}.",
            )
        found.append(
            InputArtifact(
                name=name,
                kind=kind,
                description=notes.get(f"{prefix}description", "").strip(),
                labels=source.texts(notes.get(f"{prefix}labels"), (*NOTES, f"{prefix}labels")),
            )
        )
    return tuple(found)


def _named(source: Source, value: Tree, path: Path) -> list[tuple[str, dict[str, Tree], Path]]:
    """Return name, mapping and path of each item of a list of inputs, whose names must be good and different."""
    found: list[tuple[str, dict[str, Tree], Path]] = []
    for index, entry in enumerate(source.items(value, path)):
        place: Path = (*path, index)
        item = source.mapping(entry, place)
        name = source.text(item.get("name"), (*place, "name"))
        if not _INPUT_NAME.fullmatch(name):
            source.report((*place, "name"), "A name of letters, digits, dots, dashes or underscores is needed.")
        elif any(name == other for other, _item, _place in found):
            source.report((*place, "name"), f"“{name}” is declared twice.")
        found.append((name, item, place))
    return found


# --- The server -------------------------------------------------------------------------------------------------


def _body(source: Source, spec: dict[str, Tree]) -> dict[str, Tree]:
    """Return `spec.template` with all sections in block strings opened."""
    body = dict(source.mapping(spec.get("template"), _BODY))
    if not body:
        source.report(_BODY, "The server's template is missing.")
        return {}
    meta = dict(source.mapping(body.get("metadata"), (*_BODY, "metadata")))
    for section in ("labels", "annotations"):
        if section in meta:
            path: Path = (*_BODY, "metadata", section)
            meta[section] = dict(source.texts(meta[section], path))
    if meta:
        body["metadata"] = meta
    inner = dict(source.mapping(body.get("spec"), (*_BODY, "spec")))
    inner["predictor"] = source.mapping(inner.get("predictor"), _PREDICTOR)
    if not inner["predictor"]:
        source.report(_PREDICTOR, "The predictor, which describes the server, is missing.")
    return body | {"spec": inner}


def _server(source: Source, body: dict[str, Tree]) -> ServerTemplate:
    meta = source.mapping(body.get("metadata"), (*_BODY, "metadata"))
    labels = source.texts(meta.get("labels"), (*_BODY, "metadata", "labels"))
    inner = source.mapping(body.get("spec"), (*_BODY, "spec"))
    predictor = source.mapping(inner.get("predictor"), _PREDICTOR)
    containers = source.items(predictor.get("containers"), (*_PREDICTOR, "containers"))
    container = source.mapping(containers[0], _CONTAINER) if containers else {}
    env, secret_env, unset_env = _env(source, container)
    return ServerTemplate(
        image=source.text(container.get("image"), (*_CONTAINER, "image")),
        command=tuple(_strings(source, container, "command")),
        args=tuple(_strings(source, container, "args")),
        env=env,
        secret_env=secret_env,
        unset_env=unset_env,
        ports=_ports(source, container),
        resource_plan=labels.get("ai.sap.com/resourcePlan") or labels.get("ai.sap.com/instanceType") or DEFAULT_PLAN,
        min_replicas=source.whole(predictor.get("minReplicas"), (*_PREDICTOR, "minReplicas")) or "1",
        max_replicas=source.whole(predictor.get("maxReplicas"), (*_PREDICTOR, "maxReplicas")),
        health_path=_probe_path(source, container) or "/",
    )


def _strings(source: Source, container: dict[str, Tree], name: str) -> list[str]:
    items = source.items(container.get(name), (*_CONTAINER, name))
    return [source.text(item, (*_CONTAINER, name, index)) for index, item in enumerate(items)]


def _env(source: Source, container: dict[str, Tree]) -> tuple[dict[str, str], dict[str, SecretKey], tuple[str, ...]]:
    """Return the variables with a value, those with a secret's, and those that something else of a cluster sets."""
    env: dict[str, str] = {}
    secret: dict[str, SecretKey] = {}
    unset: list[str] = []
    for index, entry in enumerate(source.items(container.get("env"), (*_CONTAINER, "env"))):
        place: Path = (*_CONTAINER, "env", index)
        item = source.mapping(entry, place)
        name = source.text(item.get("name"), (*place, "name"))
        if not _ENV_NAME.fullmatch(name):
            source.report((*place, "name"), f"“{name}” is no name of an environment variable.")
        elif name in env or name in secret or name in unset:
            source.report((*place, "name"), f"“{name}” is set twice.")
        elif "valueFrom" not in item:
            env[name] = source.text(item.get("value"), (*place, "value"))
        elif reference := _secret_key(source, item, (*place, "valueFrom")):
            secret[name] = reference
        else:
            unset.append(name)
    return env, secret, tuple(unset)


def _secret_key(source: Source, item: dict[str, Tree], place: Path) -> SecretKey | None:
    """Return the secret that a variable names, None when it takes its value from something else."""
    origin = source.mapping(item.get("valueFrom"), place)
    if "secretKeyRef" not in origin:
        return None
    here: Path = (*place, "secretKeyRef")
    reference = source.mapping(origin["secretKeyRef"], here)
    name, key = (source.text(reference.get(part), (*here, part)) for part in ("name", "key"))
    if not name or not key:
        source.report(here, "A secretKeyRef needs the `name` of a secret and one of its keys as `key`.")
    return SecretKey(secret=name, key=key, optional=source.text(reference.get("optional"), here) == "true")


def _ports(source: Source, container: dict[str, Tree]) -> tuple[str, ...]:
    found = []
    for index, entry in enumerate(source.items(container.get("ports"), (*_CONTAINER, "ports"))):
        place: Path = (*_CONTAINER, "ports", index)
        found.append(source.whole(source.mapping(entry, place).get("containerPort"), (*place, "containerPort")))
    return tuple(port for port in found if port)


def _probe_path(source: Source, container: dict[str, Tree]) -> str:
    place: Path = (*_CONTAINER, "readinessProbe")
    probe = source.mapping(container.get("readinessProbe"), place)
    get = source.mapping(probe.get("httpGet"), (*place, "httpGet"))
    return source.text(get.get("path"), (*place, "httpGet", "path"))


# --- Placeholders -----------------------------------------------------------------------------------------------


def _check_placeholders(source: Source, template: ServingTemplate) -> None:
    parameters = {parameter.name for parameter in template.parameters}
    slots = {slot.name for slot in template.artifacts}
    known = {f"inputs.parameters.{name}" for name in parameters} | {"runtime.port", FOLDER}
    known |= {f"{place}.artifacts.{name}" for place in ("inputs", "runtime") for name in slots}
    own: dict[str, Tree] = {name: text for name, text in template.annotations.items() if name.startswith(OWN)}
    _check_tree(source, template.body, _BODY, known)
    _check_tree(source, own, NOTES, known)
    for note, names in (
        ("split-arguments", template.server.split_arguments),
        ("json-values", template.server.json_values),
    ):
        for name in names - parameters:
            source.report((*NOTES, OWN + note), f"There is no parameter “{name}”.")


def _check_tree(source: Source, tree: Tree, path: Path, known: set[str]) -> None:
    if isinstance(tree, dict):
        for name, value in tree.items():
            _check_tree(source, value, (*path, name), known)
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            _check_tree(source, value, (*path, index), known)
    elif isinstance(tree, str):
        for match in PLACEHOLDER.finditer(tree):
            if match[1] not in known:
                line = source.line(path) + tree.count("\n", 0, match.start())
                sentence = (
                    f"The placeholder {{{{{match[1]}}}}} is not declared: add it to spec.inputs or correct its name."
                )
                source.report(path, sentence, line=line)
