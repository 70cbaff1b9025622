"""Adding artifacts, by URL or by upload, and removing them."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, unquote

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
    artifact_store,
)
from deployments.operations.audit import record
from deployments.runtimes.addresses import AddressInvalid, encoded, is_own_file, parse
from deployments.storage.disk_space import NO_ROOM


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
        try:
            checksum = _keep(upload, path)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            full = _("There is no room for the file: the disk of Launchpad is full.")
            raise InvalidInput({"upload": full}) from error
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
        record(actor.name, "delete", artifact, before={"url": artifact.redacted_url})
        artifact.delete()
    if own.is_dir():
        shutil.rmtree(own)


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


def _url_problem(url: str) -> str:
    """Return what is wrong with an address, `""` if nothing is."""
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
        "text": _("The URL holds something that is no character. Write it anew."),
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
    named = Path(unquote(parts.path))
    nothing = _("There is nothing at %(path)s.") % {"path": named}
    try:
        path = named.resolve()
        there = path.exists()
    except OSError:  # a name that is too long, a circle of links
        return nothing
    roots = [root.resolve() for root in allowed_roots()]
    if not any(path.is_relative_to(root) for root in roots):
        return _(
            "%(path)s is outside the folders that files may be taken from (%(roots)s). An "
            "administrator can add folders with LAUNCHPAD_FILE_ROOTS."
        ) % {"path": named, "roots": ", ".join(map(str, settings.LAUNCHPAD_FILE_ROOTS)) or _("there are none")}
    # What lies in our own folder belongs to the artifact that it was uploaded as; nobody learns whether it is there.
    own = is_own_file(path, home=Path(settings.LAUNCHPAD_HOME), roots=roots)
    return "" if own and there else nothing


def _safe_name(name: str) -> str:
    kept = "".join(c if (c.isascii() and c.isalnum()) or c in "._-" else "_" for c in Path(name).name).lstrip(".")
    return kept[-128:] or "upload"


def _keep(upload: UploadedFile[bytes], path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("xb") as out:
        for chunk in upload.chunks(1 << 20):
            digest.update(chunk)
            out.write(chunk)
    path.parent.parent.chmod(0o711)
    path.parent.chmod(0o755)
    path.chmod(0o644)
    return digest.hexdigest()
