"""Adding artifacts, by URL or by upload, and removing them."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deployments.access import require
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
    artifact_store,
)
from deployments.operations.audit import record

_SCHEMES = ("file", "http", "https")


def allowed_roots() -> tuple[Path, ...]:
    """Return the folders that `file://` artifacts may lie in."""
    return (artifact_store(), *(Path(root) for root in settings.LAUNCHPAD_FILE_ROOTS))


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
    """Register what lies at `url`.

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
    """Keep an uploaded file with its checksum and register it.

    Raises:
        InvalidInput: "name", "kind" or "upload" -> what is wrong.
    """
    require(actor, Role.EDITOR, group)
    problems = _problems(name, kind)
    limit = int(settings.LAUNCHPAD_UPLOAD_LIMIT_MB * 1_000_000)
    if not upload.size:
        problems["upload"] = _("The file is empty.")
    elif upload.size > limit:
        problems["upload"] = _(
            "The file has %(size)s MB; %(limit)s MB are allowed. Put it where a URL reaches it."
        ) % {"size": f"{upload.size / 1e6:,.0f}", "limit": f"{limit / 1e6:,.0f}"}
    if problems:
        raise InvalidInput(problems)
    pk = uuid.uuid4()
    path = artifact_store() / str(pk) / _safe_name(upload.name or "upload")
    path.parent.mkdir(parents=True)
    try:
        checksum = _keep(upload, path)
        return _add(
            actor,
            id=pk,
            resource_group=group,
            scenario=scenario,
            name=name.strip(),
            kind=kind,
            url=f"file://{quote(str(path))}",
            description=description,
            size=path.stat().st_size,
            sha256=checksum,
            created_by=created_by,
        )
    except BaseException:
        shutil.rmtree(path.parent)
        raise


def delete_artifact(actor: Actor, artifact: Artifact) -> None:
    """Remove an artifact, and its file if it was uploaded.

    Raises:
        OperationRefused: a configuration uses it.
    """
    require(actor, Role.EDITOR, artifact.resource_group)
    used = sum(
        str(artifact.pk) in inputs.values()
        for inputs in Configuration.objects.filter(resource_group=artifact.resource_group)
        .exclude(inputs={})
        .values_list("inputs", flat=True)
        .iterator()
    )
    if used:
        told = ngettext(
            "%(name)s cannot be deleted: %(n)s configuration uses it.",
            "%(name)s cannot be deleted: %(n)s configurations use it.",
            used,
        )
        raise OperationRefused(told % {"name": artifact.name, "n": used})
    own = artifact.folder
    with transaction.atomic():
        record(actor.name, "delete", artifact, before={"url": artifact.url})
        artifact.delete()
    if own.is_dir():
        shutil.rmtree(own)


def _add(actor: Actor, **values: Any) -> Artifact:
    with transaction.atomic():
        artifact = Artifact.objects.create(**values)
        record(actor.name, "create", artifact, after={"url": artifact.url, "kind": artifact.kind})
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


def _url_problem(url: str) -> str:
    parts = urlsplit(url)
    if len(url) > 1024:
        return _("The URL has %(count)s characters; 1024 are allowed.") % {"count": len(url)}
    if parts.scheme not in _SCHEMES:
        return _("Give a URL that begins with file://, http:// or https://.")
    if parts.scheme != "file":
        return "" if parts.hostname else _("The URL names no host.")
    if parts.netloc not in {"", "localhost"}:
        return _("A file URL has three slashes: file:///path/to/model.")
    path = Path(unquote(parts.path)).resolve()
    roots = [root.resolve() for root in allowed_roots()]
    if not any(path.is_relative_to(root) for root in roots):
        return _(
            "%(path)s is outside the folders that files may be taken from (%(roots)s). An "
            "administrator can add folders with LAUNCHPAD_FILE_ROOTS."
        ) % {"path": path, "roots": ", ".join(map(str, roots))}
    return "" if path.exists() else _("There is nothing at %(path)s.") % {"path": path}


def _safe_name(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "._-" else "_" for c in Path(name).name).lstrip(".")
    return kept[-128:] or "upload"


def _keep(upload: UploadedFile[bytes], path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("xb") as out:
        for chunk in upload.chunks(1 << 20):
            digest.update(chunk)
            out.write(chunk)
    path.parent.chmod(0o755)
    path.chmod(0o644)
    return digest.hexdigest()
