"""Pulls images with progress, and distinguishes the errors of an engine that cannot."""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from docker import APIClient
from docker.errors import APIError, ImageNotFound, NotFound

from deployments.messages import Message
from deployments.runtimes.containers import messages
from deployments.runtimes.containers.client import error_text
from deployments.runtimes.containers.options import ALWAYS, NEVER
from launchpad.version import MODEL_SERVERS_IMAGE

Report = Callable[[Message], None]
HUB = "docker.io"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"}
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "arm64v8": "arm64", "i686": "386"}
# What Docker, Podman (containers/image) and the registries themselves say, in the order of how sure it is.
_MEANINGS: tuple[tuple[str, bool, re.Pattern[str]], ...] = tuple(
    (code, permanent, re.compile(pattern, re.IGNORECASE))
    for code, permanent, pattern in (
        (messages.IMAGE_NO_SPACE, False, r"no space left|disk quota exceeded"),
        (
            messages.IMAGE_WRONG_ARCHITECTURE,
            True,
            r"no matching manifest|no image found in (?:manifest list|image index)"
            r"|does not match the specified platform|image operating system .* cannot be used",
        ),
        (messages.IMAGE_INVALID, True, r"invalid reference format|invalid tag|could not parse reference"),
        (
            messages.IMAGE_NO_ACCESS,
            True,
            r"unauthori[sz]ed|authentication required|access (?:to the resource is )?denied|no basic auth|forbidden"
            r"|incorrect username or password|denied:",
        ),
        (
            messages.IMAGE_NOT_FOUND,
            True,
            r"manifest unknown|name unknown|repository .*not (?:found|known)|not found: manifest"
            r"|manifest for .* not found|reading manifest .*: (?:StatusCode: 404|not found)|: not found$",
        ),
        (
            messages.IMAGE_INVALID,
            True,
            r"manifest invalid|unsupported (?:manifest|media type|MIME type)|unsupported schema|error parsing manifest"
            r"|digest (?:invalid|did not match)|unexpected end of JSON input|invalid character .* looking for"
            r"|unrecognized manifest|cannot unmarshal",
        ),
        (
            messages.REGISTRY_UNREACHABLE,
            False,
            r"no such host|connection refused|i/o timeout|timed? ?out|handshake|network is unreachable"
            r"|no route to host|connection reset|EOF|x509|server misbehaving|dial tcp"
            r"|server gave HTTP response to HTTPS client|503 Service Unavailable|502 Bad Gateway|toomanyrequests",
        ),
    )
)


class ImageUnusable(Exception):
    """A container cannot be made of an image.

    Args:
        message: why.
        permanent: whether another try would end the same.
    """

    def __init__(self, message: Message, *, permanent: bool) -> None:
        super().__init__(message.reason)
        self.message = message
        self.permanent = permanent


def split(image: str) -> tuple[str, str]:
    """Return the name of an image and its tag, or its digest with `sha256:`; `latest` when it has none."""
    if "@" in image:
        name, _, digest = image.partition("@")
        return _untagged(name), digest
    name = _untagged(image)
    return name, image[len(name) + 1 :] or "latest"


def _untagged(image: str) -> str:
    name, colon, tag = image.rpartition(":")
    return name if colon and "/" not in tag else image


def registry_of(image: str) -> str:
    """Return the host (and port) of the registry that an image comes from."""
    first, slash, _ = _untagged(image.partition("@")[0]).partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return HUB if not is_host or first in _HUB_NAMES else first


def credentials_for(image: str, secrets: Iterable[str]) -> dict[str, str]:
    """Return what opens the registry of an image, `{}` when no secret is for it.

    Args:
        secrets: in the form of Docker's config.json, or of its older .dockercfg.

    Raises:
        ImageUnusable: a secret cannot be read.
    """
    registry = registry_of(image)
    for secret in secrets:
        try:
            content = json.loads(secret)
            entries = content.get("auths", content)
            for host, entry in entries.items():
                if _host(host) == registry:
                    return _credentials(entry)
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise ImageUnusable(Message(messages.PULL_SECRET_INVALID), permanent=True) from error
    return {}


def _host(key: str) -> str:
    host = key.partition("://")[2] or key
    host = host.partition("/")[0]
    return HUB if host in _HUB_NAMES else host


def _credentials(entry: Mapping[str, Any]) -> dict[str, str]:
    if token := entry.get("identitytoken"):
        return {"identitytoken": str(token)}
    if coded := entry.get("auth"):
        try:
            user, _, password = base64.b64decode(str(coded), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from error
        return {"username": user, "password": password}
    return {"username": str(entry["username"]), "password": str(entry["password"])}


@dataclass
class _Progress:
    """The layers of one pull, as the engine tells of them."""

    image: str
    began: float = field(default_factory=time.monotonic)
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)  # id -> bytes that have come, bytes in all

    def note(self, line: Mapping[str, Any]) -> Message | None:
        """Return the progress after a line, None for nothing."""
        layer, status = str(line.get("id") or ""), str(line.get("status", ""))
        if not layer or status.startswith("Pulling from"):
            return None
        done, total = self.layers.get(layer, (0, 0))
        detail = line.get("progressDetail") or {}
        if status == "Downloading" or (not status and detail):
            done, total = int(detail.get("current") or done), int(detail.get("total") or total)
        elif status in {"Download complete", "Pull complete", "Verifying Checksum"}:
            done = total
        self.layers[layer] = done, total
        return self.message()

    def message(self) -> Message:
        done = sum(loaded for loaded, _ in self.layers.values())
        total = sum(size for _, size in self.layers.values())
        return Message(
            messages.PULLING_IMAGE,
            {"image": self.image, "layers": len(self.layers), **progress(done, total, self.began)},
        )


def progress(done: int, total: int, began: float) -> dict[str, float]:
    """Return the values of a progress in bytes: how much, how fast, how long it will take; `{}` before the first byte.

    Args:
        began: by the monotonic clock.
    """
    if not total:
        return {}
    values: dict[str, float] = {"done_bytes": done, "total_bytes": total}
    passed = time.monotonic() - began
    if done and passed > 1:
        rate = done / passed
        values |= {"rate_bytes": int(rate), "left_seconds": round((total - done) / rate)}
    return values


def provide(
    client: APIClient, image: str, *, policy: str, architecture: str, secrets: Iterable[str], report: Report
) -> dict[str, Any]:
    """Return what the engine knows of an image, after pulling it if the policy says so.

    Args:
        architecture: the engine's.
        report: takes the progress; what it raises ends the pull.

    Raises:
        ImageUnusable: it cannot be had, or is of another architecture.
    """
    present = _inspect(client, image)
    is_local = image.startswith("localhost/")  # nothing is pulled from there
    if present is None and (policy == NEVER or is_local):
        code = messages.NO_SERVERS_IMAGE if image == MODEL_SERVERS_IMAGE else messages.IMAGE_NOT_HERE
        raise ImageUnusable(Message(code, {"image": image}), permanent=True)
    if present is None or (policy == ALWAYS and not is_local):
        _pull(client, image, secrets, report)
        present = _inspect(client, image)
    if present is None:
        raise ImageUnusable(Message(messages.IMAGE_NOT_HERE, {"image": image}), permanent=False)
    engine, own = _architecture(architecture), _architecture(present.get("Architecture"))
    if engine and own and engine != own:
        params = {"image": image, "found": own, "wanted": engine}
        raise ImageUnusable(Message(messages.IMAGE_WRONG_ARCHITECTURE, params), permanent=True)
    return present


def _architecture(name: object) -> str:
    return _ARCHITECTURES.get(str(name or ""), str(name or ""))


def _inspect(client: APIClient, image: str) -> dict[str, Any] | None:
    try:
        details: dict[str, Any] = client.inspect_image(image)
    except (ImageNotFound, NotFound):
        return None
    except APIError as error:
        raise _meaning(image, error_text(error), has_credentials=False) from error
    return details


def _pull(client: APIClient, image: str, secrets: Iterable[str], report: Report) -> None:
    credentials = credentials_for(image, secrets)
    name, tag = split(image)
    pulled = _Progress(image)
    report(pulled.message())
    try:
        # An empty one, else the library would send those of the user who runs us.
        for line in client.pull(name, tag=tag, stream=True, decode=True, auth_config=credentials):
            if words := line.get("error"):
                raise _meaning(image, str(words), has_credentials=bool(credentials))
            if message := pulled.note(line):
                report(message)
    except APIError as error:
        raise _meaning(image, error_text(error), has_credentials=bool(credentials)) from error


def _meaning(image: str, words: str, *, has_credentials: bool) -> ImageUnusable:
    """Return what the words of an engine mean that could not pull an image."""
    words = " ".join(words.split())[:400].rstrip(".")
    params = {"image": image, "registry": registry_of(image), "error": f"{words}."}
    for code, permanent, pattern in _MEANINGS:
        if pattern.search(words):
            if code == messages.IMAGE_NO_ACCESS and has_credentials:
                code = messages.IMAGE_ACCESS_REFUSED
            return ImageUnusable(Message(code, params), permanent=permanent)
    return ImageUnusable(Message(messages.IMAGE_PULL_FAILED, params), permanent=False)
