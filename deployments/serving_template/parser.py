"""Parses ServingTemplate YAML into plain data.

A template written for SAP AI Core is accepted unchanged: sections may be mappings or block strings,
placeholders may have no quotes. All problems of a file are reported at once, each with its line.
`schema.py` has the data and documents the annotations, `renderer.py` fills in the values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from django.utils.translation import gettext as _

from deployments.serving_template.annotations import ANNOTATIONS, PREFIX, with_annotations
from deployments.serving_template.container import BODY, CONTAINER, PREDICTOR, Container
from deployments.serving_template.model_formats import DEADLINES, HEALTH_PATH, model_of, server_of_format
from deployments.serving_template.modules import FOLDER_PLACEHOLDER
from deployments.serving_template.refusals import (
    refuse_parts_of_container,
    refuse_parts_of_predictor,
    refuse_parts_of_spec,
    volumes_of,
)
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
    MountTemplate,
    Parameter,
    ProbeTemplate,
    ServerTemplate,
    ServingTemplate,
    TemplateInvalid,
)
from deployments.serving_template.yaml_source import (
    PLACEHOLDER,
    Path,
    Problem,
    Source,
    Tree,
    as_list,
    as_mapping,
    documents,
)

_MAX_FILE = 1_000_000  # characters
_INPUT_NAME = re.compile(r"[\w.-]{1,256}", re.ASCII)
# Integers in notations that only YAML has.
_YAML_INTEGER = re.compile(r"[+-]?(?:[1-9][\d_]*_[\d_]*|0x[\da-fA-F][\da-fA-F_]*|0b[01][01_]*)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_FLOAT = re.compile(r"[+-]?(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?", re.ASCII)


def parse(text: str, *, filename: str = "", to_import: bool = False) -> tuple[ServingTemplate, ...]:
    """Read all templates of a file.

    Args:
        text: the file's content, one or several YAML documents.
        filename: the file's name in problems.
        to_import: whether what is not supported is a problem, too. Templates that are there already go on being read.

    Raises:
        TemplateInvalid: with all problems of all documents.
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
        if to_import:
            problems += source.refused
        templates.append(replace(template, server=_with_refusals(template.server, source.refused)))
    if not templates and not problems:
        problems.append(Problem(file=filename, line=1, field="", sentence=f"There is no {KIND} in this file."))
    if problems:
        raise TemplateInvalid(sorted(problems, key=lambda problem: problem.line) if to_import else problems)
    return tuple(templates)


def _with_refusals(server: ServerTemplate, refused: list[Problem]) -> ServerTemplate:
    return replace(server, unsupported=tuple(dict.fromkeys(problem.sentence for problem in refused)))


def _read(source: Source, text: str) -> ServingTemplate | None:
    before = len(source.problems)
    root = source.mapping(source.load(text), ())
    if len(source.problems) > before:  # otherwise every field would be reported as missing
        return None
    _check_format(source, root)
    meta = source.mapping(root.get("metadata"), ("metadata",))
    labels = source.texts(meta.get("labels"), ("metadata", "labels"))
    annotations = source.texts(meta.get("annotations"), ANNOTATIONS)
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
        name=annotations.get("executables.ai.sap.com/name") or executable_id,
        description=annotations.get("executables.ai.sap.com/description", ""),
        scenario_id=scenario_id,
        scenario_name=annotations.get("scenarios.ai.sap.com/name") or scenario_id,
        scenario_description=annotations.get("scenarios.ai.sap.com/description", ""),
        version=labels.get("ai.sap.com/version", ""),
        parameters=_parameters(source, inputs),
        artifacts=_artifacts(source, inputs, annotations),
        labels=labels,
        annotations=annotations,
        body=body,
        server=with_annotations(source, annotations, _server(source, body, executable_id)),
        text=text,
    )
    _check_placeholders(source, template)
    return template


def _check_format(source: Source, root: Mapping[str, Tree]) -> None:
    for name, required in (("apiVersion", API_VERSION), ("kind", KIND)):
        if (value := root.get(name)) != required:
            source.report((name,), f"This must be {required}" + (f", not “{value}”." if value else "."))


def _id(source: Source, value: Tree, path: Path, *, pattern: re.Pattern[str] = ID) -> str:
    text = source.text(value, path)
    if not pattern.fullmatch(text):
        problem = f"“{text}” is no valid id" if text else "The id is missing"
        min_length = 2 if pattern is SCENARIO_ID else 4
        source.report(path, f"{problem}: {min_length} to 64 letters, digits, dots, dashes or underscores are needed.")
    return text


# --- Inputs -----------------------------------------------------------------------------------------------------


def _parameters(source: Source, inputs: dict[str, Tree]) -> tuple[Parameter, ...]:
    path: Path = ("spec", "inputs", "parameters")
    parameters = []
    for name, item, field in _named(source, inputs.get("parameters"), path):
        written = source.text(item.get("type"), (*field, "type")) or "string"
        if written.lower() not in PARAMETER_TYPES:
            known = ", ".join(sorted(set(PARAMETER_TYPES.values())))
            source.report((*field, "type"), f"“{written}” is no type of a parameter: use one of {known}.")
        kind = PARAMETER_TYPES.get(written.lower(), "string")
        default = None if item.get("default") is None else source.text(item["default"], (*field, "default"))
        if default is not None and len(default) > MAX_VALUE:
            source.report((*field, "default"), f"A value may have at most {MAX_VALUE} characters.")
        parameters.append(
            Parameter(
                name=name,
                type=kind,
                default=None if default is None else _of_type(kind, default),
                description=source.text(item.get("description"), (*field, "description")).strip(),
            )
        )
    if len(parameters) > MAX_PARAMETERS:
        source.report(path, f"There are {len(parameters)} parameters; at most {MAX_PARAMETERS} are allowed.")
    return tuple(parameters)


def _of_type(kind: str, text: str) -> str:
    """Return a default as values of its type are written: YAML's `True`, `1e3`, `1_000` are `true`, `1000.0`, `1000`.

    Other notations stay unchanged, also those that are no value of the type: the form reports them.
    """
    plain = text.strip()
    if kind == "boolean":
        return plain.lower() if plain.lower() in ("true", "false") else text
    if kind == "integer" and _YAML_INTEGER.fullmatch(plain):
        return str(int(plain.replace("_", ""), 0))
    if kind == "number" and not _DECIMAL.fullmatch(plain) and _FLOAT.fullmatch(plain):
        return str(float(plain.replace("_", "")))
    return text


def _artifacts(source: Source, inputs: dict[str, Tree], annotations: dict[str, str]) -> tuple[InputArtifact, ...]:
    artifacts = []
    for name, _item, _path in _named(source, inputs.get("artifacts"), ("spec", "inputs", "artifacts")):
        prefix = f"artifacts.ai.sap.com/{name}."
        kind = annotations.get(f"{prefix}kind", "").strip().lower()
        if kind and kind not in ARTIFACT_KINDS:
            source.report(
                (*ANNOTATIONS, f"{prefix}kind"),
                f"“{kind}” is no kind of artifact: use one of {', '.join(ARTIFACT_KINDS)}.",
            )
        artifacts.append(
            InputArtifact(
                name=name,
                kind=kind,
                description=annotations.get(f"{prefix}description", "").strip(),
                labels=source.texts(annotations.get(f"{prefix}labels"), (*ANNOTATIONS, f"{prefix}labels")),
            )
        )
    return tuple(artifacts)


def _named(source: Source, value: Tree, path: Path) -> list[tuple[str, dict[str, Tree], Path]]:
    """Return name, mapping and path of each item of a list of inputs; names must be valid and unique."""
    named: list[tuple[str, dict[str, Tree], Path]] = []
    for index, entry in enumerate(source.items(value, path)):
        field: Path = (*path, index)
        item = source.mapping(entry, field)
        name = source.text(item.get("name"), (*field, "name"))
        if not _INPUT_NAME.fullmatch(name):
            source.report((*field, "name"), "A name of letters, digits, dots, dashes or underscores is needed.")
        elif any(name == other for other, _item, _path in named):
            source.report((*field, "name"), f"“{name}” is declared twice.")
        named.append((name, item, field))
    return named


# --- The server -------------------------------------------------------------------------------------------------


def _body(source: Source, spec: dict[str, Tree]) -> dict[str, Tree]:
    """Return `spec.template` with all sections in block strings parsed."""
    body = dict(source.mapping(spec.get("template"), BODY))
    if not body:
        source.report(BODY, "The server's template is missing.")
        return {}
    meta = dict(source.mapping(body.get("metadata"), (*BODY, "metadata")))
    for section in ("labels", "annotations"):
        if section in meta:
            path: Path = (*BODY, "metadata", section)
            meta[section] = dict(source.texts(meta[section], path))
    if meta:
        body["metadata"] = meta
    inner = dict(source.mapping(body.get("spec"), (*BODY, "spec")))
    inner["predictor"] = source.mapping(inner.get("predictor"), PREDICTOR)
    if not inner["predictor"]:
        source.report(PREDICTOR, "The predictor, which describes the server, is missing.")
    return body | {"spec": inner}


def _server(source: Source, body: dict[str, Tree], executable_id: str) -> ServerTemplate:
    meta = source.mapping(body.get("metadata"), (*BODY, "metadata"))
    labels = source.texts(meta.get("labels"), (*BODY, "metadata", "labels"))
    inner = source.mapping(body.get("spec"), (*BODY, "spec"))
    refuse_parts_of_spec(source, inner)
    predictor = source.mapping(inner.get("predictor"), PREDICTOR)
    refuse_parts_of_predictor(source, predictor)
    server = _of_predictor(source, predictor, executable_id)
    plan = labels.get("ai.sap.com/resourcePlan") or labels.get("ai.sap.com/instanceType") or ""
    return replace(
        server,
        resource_plan=plan or ("" if server.amounts else DEFAULT_PLAN),
        amounts={} if plan else server.amounts,
        min_replicas=source.whole(predictor.get("minReplicas"), (*PREDICTOR, "minReplicas")) or "1",
        max_replicas=source.whole(predictor.get("maxReplicas"), (*PREDICTOR, "maxReplicas")),
        pull_secrets=_names(source, predictor.get("imagePullSecrets"), (*PREDICTOR, "imagePullSecrets")),
    )


def _of_predictor(source: Source, predictor: dict[str, Tree], executable_id: str) -> ServerTemplate:
    """Return the server of a container, or that of a model format."""
    volumes = volumes_of(source, predictor)
    containers = source.items(predictor.get("containers"), (*PREDICTOR, "containers"))
    if not containers and (found := model_of(source, predictor)):
        model, path = found
        name = source.text(model.get("name"), (*path, "name")) or executable_id
        own = server_of_format(source, model, path, model_name=name)
        server = _of_container(Container(source, model, path), volumes)
        return replace(
            server,
            image="",
            command=own.command,
            health_path=server.health_path if server.probe else HEALTH_PATH,
            requirements=own.requirements,
            model=own.model,
            sample=own.sample,
            deadlines=DEADLINES,
        )
    container = source.mapping(containers[0], CONTAINER) if containers else {}
    server = _of_container(Container(source, container, CONTAINER), volumes)
    if predictor and not server.image and not server.command:
        source.refuse(
            CONTAINER if containers else PREDICTOR,
            _("The predictor names no server: add a container with an `image` or a `command`, or a model format."),
        )
    if server.image and server.probe is None:
        return replace(server, probe=ProbeTemplate(path=""))
    return server


def _of_container(container: Container, volumes: dict[str, MountTemplate | None]) -> ServerTemplate:
    source, path = container.source, container.path
    refuse_parts_of_container(source, container.tree, path)
    environment = container.environment
    probe = container.probe()
    uri = environment.plain.get("STORAGE_URI", "")
    if "://" in uri and not PLACEHOLDER.search(uri):
        sentence = _(
            "Nothing fetches STORAGE_URI from %(address)s: declare an input artifact and write "
            "{{inputs.artifacts.NAME}} here."
        )
        source.refuse((*path, "env"), sentence % {"address": uri.split("?")[0]})
    return ServerTemplate(
        image=container.text("image").strip(),
        command=container.strings("command"),
        args=container.strings("args"),
        env=environment.plain,
        secret_env=environment.secret,
        ports=container.ports,
        health_path=(probe.path if probe else "") or "/",
        probe=probe,
        amounts=container.amounts(),
        model=uri,
        mounts=container.mounts(volumes),
        working_dir=container.text("workingDir").strip(),
        read_only_root=container.has_read_only_root(),
    )


def _names(source: Source, value: Tree, path: Path) -> tuple[str, ...]:
    """Return the names of a list of references."""
    names = []
    for index, entry in enumerate(as_list(value)):
        name = str(as_mapping(entry).get("name") or "").strip()
        if name:
            names.append(name)
        else:
            source.refuse((*path, index), _("The `name` of a secret is needed here."))
    return tuple(names)


# --- Placeholders -----------------------------------------------------------------------------------------------


def _check_placeholders(source: Source, template: ServingTemplate) -> None:
    parameters = {parameter.name for parameter in template.parameters}
    artifacts = {artifact.name for artifact in template.artifacts}
    known = {f"inputs.parameters.{name}" for name in parameters} | {"runtime.port", FOLDER_PLACEHOLDER}
    known |= {f"{prefix}.artifacts.{name}" for prefix in ("inputs", "runtime") for name in artifacts}
    annotations: dict[str, Tree] = {
        name: text for name, text in template.annotations.items() if name.startswith(PREFIX)
    }
    _check_tree(source, template.body, BODY, known)
    _check_tree(source, annotations, ANNOTATIONS, known)
    for annotation, names in (
        ("split-arguments", template.server.split_arguments),
        ("json-values", template.server.json_values),
    ):
        for name in names - parameters:
            source.report((*ANNOTATIONS, PREFIX + annotation), f"There is no parameter “{name}”.")


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
