"""What a test of a connection says, and which engines on this machine could be connected."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from deployments.errors import RuntimeUnavailable
from deployments.messages import Message, size
from deployments.runtimes.base import ConnectionReport, Offer
from deployments.runtimes.containers import gpus, messages
from deployments.runtimes.containers.client import EngineClient
from deployments.runtimes.containers.options import DEFAULT_ADDRESS, ContainerOptions, check_options, read_options

_DOCKER, _PODMAN = "/var/run/docker.sock", "/run/podman/podman.sock"


def test(options: Mapping[str, Any], secrets: Mapping[str, str]) -> ConnectionReport | Message:
    """Return what an engine is and has, or what is wrong in one sentence."""
    try:
        chosen = read_options(options)
    except ValueError as error:
        return Message(messages.OPTIONS_UNUSABLE, {"error": str(error)})
    try:
        with EngineClient(chosen.address, secrets).asking() as client:
            about, info = client.version(), client.info()
    except RuntimeUnavailable as error:
        return error.message
    system = str(info.get("OSType") or "linux")
    if system != "linux":
        return Message(messages.ENGINE_WITHOUT_LINUX, {"address": chosen.address, "system": system})
    return ConnectionReport(
        version=_version(about),
        cpu_millis=int(info["NCPU"]) * 1000,
        memory_bytes=int(info["MemTotal"]),
        gpus=len(gpus.devices(info, chosen)),
        disk_free_bytes=_free_disk(info, chosen),
        facts=_facts(info, chosen),
    )


def _version(about: Mapping[str, Any]) -> str:
    components = [str(component.get("Name", "")) for component in about.get("Components") or ()]
    name = "Podman" if any("podman" in component.lower() for component in components) else "Docker"
    return f"{name} {about.get('Version', '?')}, API {about.get('ApiVersion', '?')}"


def _free_disk(info: Mapping[str, Any], options: ContainerOptions) -> int | None:
    """Return the free space of the folder that the engine keeps images in, where that is on this machine."""
    if options.host:
        return None
    try:
        return shutil.disk_usage(str(info.get("DockerRootDir") or "")).free
    except OSError:
        return None  # not for us to see


def _facts(info: Mapping[str, Any], options: ContainerOptions) -> Sequence[tuple[str, str]]:
    facts = [
        (_("System"), f"{info.get('OperatingSystem') or 'Linux'} {info.get('Architecture') or ''}".strip()),
        (_("Storage"), str(info.get("Driver") or "?")),
        (_("Control groups"), f"v{info.get('CgroupVersion') or '?'}"),
    ]
    if options.memory_gb is not None:
        facts.append((_("Deployments get"), size(options.memory_gb * 1e9)))
    return facts


def address(options: Mapping[str, Any]) -> str:
    """Return where a connection leads to."""
    return str(options.get("address") or DEFAULT_ADDRESS)


def offers() -> Sequence[Offer]:
    """Return the engines that answer at the usual places of this machine."""
    offered: list[Offer] = []
    for address in _usual_addresses():
        report = test({"address": address}, {})
        if isinstance(report, ConnectionReport):
            name = "podman" if report.version.startswith("Podman") else "docker"
            name = name if name not in {offer.name for offer in offered} else f"{name}-{len(offered) + 1}"
            message = Message(messages.ENGINE_ANSWERS, {"version": report.version, "address": address})
            offered.append(Offer(name=name, options={"address": address}, message=message))
    return offered


def _usual_addresses() -> Iterator[str]:
    """Yield addresses that may lead to an engine: sockets only if they are there, each once."""
    chosen = os.environ.get("DOCKER_HOST", "")
    sockets = [_DOCKER, _PODMAN]
    if folder := os.environ.get("XDG_RUNTIME_DIR"):
        sockets += [f"{folder}/podman/podman.sock", f"{folder}/docker.sock"]
    candidates = ([chosen] if chosen and not check_options({"address": chosen}, ()) else []) + [
        f"unix://{path}" for path in sockets
    ]
    resolved: set[Path] = set()
    for address in dict.fromkeys(candidates):
        if address.startswith("unix://"):
            path = Path(address.removeprefix("unix://"))
            if not _is_socket(path) or path.resolve() in resolved:
                continue
            resolved.add(path.resolve())
        yield address


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(path.stat().st_mode)
    except OSError:
        return False
