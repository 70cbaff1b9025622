"""Adds artifacts, by URL or upload, and deletes them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import SplitResult, unquote

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.auth.permissions import require
from deployments.errors import InvalidInput, OperationRefused
from deployments.models import (
    Actor,
    Artifact,
    ArtifactKind,
    Configuration,
    ResourceGroup,
    Role,
    Scenario,
    User,
)
from deployments.operations.audit import record
from deployments.runtimes.addresses import AddressInvalid, encoded, parse
from deployments.storage.artifacts import (
    ArtifactMissing,
    ArtifactOutside,
    StorageFull,
    StoredArtifact,
    artifact_store,
)


def add_artifact(
    actor: Actor,
    group: ResourceGroup,
    scenario: Scenario,
    *,
    name: str,
    kind: str,
    url: str,
    description: str = "",
    labels: Mapping[str, str] | None = None,
    created_by: User | None = None,
) -> Artifact:
    """Register the artifact at `url`.

    Raises:
        InvalidInput: "name", "kind" or "url" -> what is wrong.
    """
    require(actor, Role.EDITOR, group)
    problems = _problems(name, kind)
    if problem := _url_problem(url):
        problems["url"] = problem
    if problems:
        raise InvalidInput(problems)
    return _add(
        actor,
        resource_group=group,
        scenario=scenario,
        name=name.strip(),
        kind=kind,
        url=url,
        description=description,
        labels=dict(labels or {}),
        created_by=created_by,
    )


def upload_artifact(
    actor: Actor,
    group: ResourceGroup,
    scenario: Scenario,
    *,
    name: str,
    kind: str,
    upload: UploadedFile[bytes],
    description: str = "",
    created_by: User | None = None,
) -> Artifact:
    """Save an uploaded file with its checksum and register it.

    Raises:
        InvalidInput: "name", "kind" or "upload" -> what is wrong.
    """
    require(actor, Role.EDITOR, group)
    problems = _problems(name, kind)
    if problem := _size_problem(upload.size or 0):
        problems["upload"] = problem
    if problems:
        raise InvalidInput(problems)
    pk = uuid.uuid4()
    with _saved(pk, upload) as stored:
        return _add(
            actor,
            id=pk,
            resource_group=group,
            scenario=scenario,
            name=name.strip(),
            kind=kind,
            url=stored.url,
            description=description,
            size=stored.size,
            sha256=stored.sha256,
            created_by=created_by,
        )


@contextmanager
def _saved(pk: uuid.UUID, upload: UploadedFile[bytes]) -> Iterator[StoredArtifact]:
    """Save an uploaded file, and delete it again if it cannot be registered.

    Raises:
        InvalidInput: "upload" -> what is wrong.
    """
    store = artifact_store()
    try:
        stored = store.save(str(pk), upload.name or "", upload.chunks(1 << 20))
    except StorageFull as error:
        full = _("There is no room for the file: the disk of Launchpad is full.")
        raise InvalidInput({"upload": full}) from error
    try:
        yield stored
    except BaseException:
        store.delete(str(pk))
        raise


def delete_artifact(actor: Actor, artifact: Artifact) -> None:
    """Delete an artifact, and its file if it was uploaded.

    Raises:
        OperationRefused: a configuration uses it.
    """
    require(actor, Role.EDITOR, artifact.resource_group)
    usage = sum(
        str(artifact.pk) in inputs.values()
        for inputs in Configuration.objects.filter(resource_group=artifact.resource_group)
        .exclude(inputs={})
        .values_list("inputs", flat=True)
        .iterator()
    )
    if usage:
        sentence = ngettext(
            "%(name)s cannot be deleted: %(n)s configuration uses it.",
            "%(name)s cannot be deleted: %(n)s configurations use it.",
            usage,
        )
        raise OperationRefused(sentence % {"name": artifact.name, "n": usage})
    pk = str(artifact.pk)  # `delete` clears it
    with transaction.atomic():
        record(actor.name, "delete", artifact, before={"url": artifact.redacted_url})
        artifact.delete()
    artifact_store().delete(pk)


def _add(actor: Actor, **values: Any) -> Artifact:
    with transaction.atomic():
        artifact = Artifact.objects.create(**values)
        record(actor.name, "create", artifact, after={"url": artifact.redacted_url, "kind": artifact.kind})
    return artifact


def _problems(name: str, kind: str) -> dict[str, str]:
    problems = {}
    if not name.strip():
        problems["name"] = _("Give the artifact a name.")
    elif len(name) > 256:
        problems["name"] = _("The name has %(count)s characters; 256 are allowed.") % {"count": len(name)}
    if kind not in ArtifactKind.values:
        problems["kind"] = _("%(kind)s is not a kind. Choose one of: %(values)s.") % {
            "kind": repr(kind),
            "values": ", ".join(ArtifactKind.values),
        }
    return problems


def _size_problem(size: int) -> str:
    """Return what is wrong with the size of an uploaded file, in bytes; `""` for nothing."""
    limit = int(settings.LAUNCHPAD_UPLOAD_LIMIT_MB * 1_000_000)
    if not size:
        return _("The file is empty.")
    if size <= limit:
        return ""
    return _("The file has %(size)s MB; %(limit)s MB are allowed. Put it where a URL reaches it.") % {
        "size": f"{size / 1e6:,.0f}",
        "limit": f"{limit / 1e6:,.0f}",
    }


def _url_problem(url: str) -> str:
    """Return the problem of a URL, `""` when there is none."""
    if len(url) > 1024:
        return _("The URL has %(count)s characters; 1024 are allowed.") % {"count": len(url)}
    try:
        parts = parse(url)
        encoded(url)
    except AddressInvalid as error:
        return _address_problem(error.code)
    return "" if parts.scheme != "file" else _file_problem(parts)


def _address_problem(code: str) -> str:
    return {
        "text": _("The URL holds something that is no character. Enter it again."),
        "control": _("The URL holds a control character (a line break or NUL, perhaps as %%00). Leave it out.") % (),
        "syntax": _("The URL cannot be read: check its brackets and its port."),
        "scheme": _("Give a URL that begins with file://, http:// or https://."),
        "host": _("The URL names no host that there can be."),
        "people": _(
            "Leave user and password out of the URL: everybody in the resource group reads it. Let the server fetch "
            "the file itself with a secret that its template names, or give a signed URL."
        ),
    }[code]


def _file_problem(parts: SplitResult) -> str:
    if parts.netloc not in {"", "localhost"}:
        return _("A file URL has three slashes: file:///path/to/model.")
    path = unquote(parts.path)
    try:
        artifact_store().local_path(f"file://{parts.path}")
    except ArtifactOutside:
        return _(
            "%(path)s is outside the folders that files may be taken from (%(roots)s). An "
            "administrator can add folders with LAUNCHPAD_FILE_ROOTS."
        ) % {"path": path, "roots": ", ".join(map(str, settings.LAUNCHPAD_FILE_ROOTS)) or _("there are none")}
    except ArtifactMissing:
        return _("There is nothing at %(path)s.") % {"path": path}
    return ""
