"""The images that were pulled for us, and those of them that no container uses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from docker import APIClient
from docker.errors import APIError

from deployments.runtimes.base import StoredImage
from deployments.runtimes.containers.images import HUB, registry_of, split


def unused(client: APIClient, pulled: Iterable[str]) -> Sequence[StoredImage]:
    """Return the images among `pulled` that no container uses, ours or another's."""
    pulled_names = {canonical(name): name for name in pulled}
    used = {str(row.get("ImageID", "")).removeprefix("sha256:") for row in client.containers(all=True)}
    images = []
    for row in client.images():
        names = [str(name) for name in (*(row.get("RepoTags") or ()), *(row.get("RepoDigests") or ()))]
        ours = [pulled_names[canonical(name)] for name in names if canonical(name) in pulled_names]
        if ours and str(row["Id"]).removeprefix("sha256:") not in used:
            images.append(_stored(row, ours[0]))
    return images


def remove_unused(client: APIClient, pulled: Iterable[str]) -> Sequence[StoredImage]:
    """Remove them, and return those that are gone: one that came into use meanwhile stays."""
    removed = []
    for image in unused(client, pulled):
        try:
            client.remove_image(image.name)
        except APIError:
            continue
        removed.append(image)
    return removed


def canonical(image: str) -> str:
    """Return the one name of an image that may be written in several ways: `busybox`, `docker.io/library/busybox`."""
    name, tag = split(image)
    registry = registry_of(image)
    path = name.partition("/")[2] if name.partition("/")[0] == registry or _names_hub(name) else name
    if registry == HUB and "/" not in path:
        path = f"library/{path}"
    return f"{registry}/{path}{'@' if ':' in tag else ':'}{tag}"


def _names_hub(name: str) -> bool:
    first, slash, _ = name.partition("/")
    return bool(slash) and "." in first and registry_of(name) == HUB


def _stored(row: dict[str, Any], name: str) -> StoredImage:
    created = row.get("Created")
    return StoredImage(
        id=str(row["Id"]),
        name=name,
        size_bytes=int(row.get("Size") or 0),
        created_at=datetime.fromtimestamp(created, UTC) if isinstance(created, int) and created > 0 else None,
    )
