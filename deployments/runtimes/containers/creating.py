"""The container of a server, as the engine is asked for it. What hardens it is here; no template changes it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from deployments.runtimes.base import Mount, ReplicaSpec
from deployments.runtimes.containers.options import HOST_NETWORK, ContainerOptions
from deployments.runtimes.placeholders import filled

DEFAULT_PORT = 8080
MODELS, ARTIFACTS = "/mnt/models", "/mnt/artifacts"
PIDS_LIMIT = 4096  # processes and threads: numerical libraries start many
LOG_BYTES, LOG_FILES = "10m", "3"
_SHARED_MEMORY = "/dev/shm"  # noqa: S108  where it is in every container
_SHARED_MEMORY_BYTES = 64_000_000
_EVERYBODY = 0o1777
_STORAGE_URI = "STORAGE_URI"


@dataclass(frozen=True, kw_only=True)
class Volume:
    """An input artifact in a volume of the engine.

    Args:
        name: of the volume.
        target: where the server sees it.
        path: the artifact's own path there: of its file, or the folder itself.
        placeholder: its name in the template.
    """

    name: str
    target: str
    path: str
    placeholder: str


@dataclass(frozen=True, kw_only=True)
class ContainerPlan:
    """What the body of a container is made of, beside its replica.

    Args:
        image: the one that is run.
        port: where the server listens.
        publish_on: address that the port is published on.
        volumes: what it reads.
        gpus: the devices that it gets.
        labels: see `labels`.
    """

    image: str
    port: int
    publish_on: str
    volumes: tuple[Volume, ...]
    gpus: tuple[str, ...]
    labels: Mapping[str, str]


def model_of(spec: ReplicaSpec) -> str:
    """Return the placeholder of the artifact that is the model, `""` for none."""
    return spec.model or (spec.fetches[0].placeholder if len(spec.fetches) == 1 else "")


def body(spec: ReplicaSpec, plan: ContainerPlan, options: ContainerOptions) -> dict[str, Any]:
    """Return the body of the request that creates a container.

    Raises:
        RuntimeRejected: a placeholder has no artifact.
    """
    paths = {volume.placeholder: volume.path for volume in plan.volumes}
    command = [filled(item, port=plan.port, artifacts=paths) for item in spec.command]
    args = [filled(item, port=plan.port, artifacts=paths) for item in spec.args]
    content: dict[str, Any] = {
        "Image": plan.image,
        "Env": [f"{name}={value}" for name, value in environment(spec, plan.port, paths, options).items()],
        "Labels": dict(plan.labels),
        "HostConfig": _host_config(spec, plan, options),
    }
    if command:
        content |= {"Entrypoint": command, "Cmd": args}
    elif args:
        content["Cmd"] = args
    if spec.working_dir:
        content["WorkingDir"] = spec.working_dir
    if options.user:
        content["User"] = options.user
    if options.network != HOST_NETWORK:
        content["ExposedPorts"] = {f"{port}/tcp": {} for port in published(spec, plan.port)}
    return content


def published(spec: ReplicaSpec, port: int) -> list[int]:
    """Return the ports that we have to reach: the server's, and the one that it is asked for its health on."""
    other = spec.health_check.port if spec.health_check else None
    return [port] if other in (None, port) else [port, int(other or port)]


def environment(spec: ReplicaSpec, port: int, paths: Mapping[str, str], options: ContainerOptions) -> dict[str, str]:
    """Return the environment of a server: its image's is added by the engine."""
    # In the host's network 0.0.0.0 would let everybody on the network in past the token check.
    host = "127.0.0.1" if options.network == HOST_NETWORK and not options.host else "0.0.0.0"  # noqa: S104
    values = {name: filled(value, port=port, artifacts=paths) for name, value in spec.env.items()}
    model = model_of(spec)
    if _STORAGE_URI in values and values[_STORAGE_URI] == paths.get(model):
        values[_STORAGE_URI] = MODELS
    return {"HOST": host, "PORT": str(port), **values, **spec.secret_env}


def _host_config(spec: ReplicaSpec, plan: ContainerPlan, options: ContainerOptions) -> dict[str, Any]:
    memory = spec.resources.memory_bytes
    is_hosts = options.network == HOST_NETWORK
    address = [{"HostIp": plan.publish_on, "HostPort": ""}]
    shared = [mount.size_bytes or memory for mount in spec.mounts if mount.path == _SHARED_MEMORY]
    return {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],  # seccomp and others: the engine's own profiles
        "Privileged": False,
        "ReadonlyRootfs": spec.read_only_root,
        "PidsLimit": PIDS_LIMIT,
        "Memory": memory,
        "MemorySwap": memory,  # both together: no swap
        "CpuShares": max(2, spec.resources.cpu_millis * 1024 // 1000),
        "ShmSize": min(shared[0] if shared else _SHARED_MEMORY_BYTES, memory),
        "NetworkMode": "host" if is_hosts else "bridge",
        "PortBindings": {} if is_hosts else {f"{port}/tcp": address for port in published(spec, plan.port)},
        "Tmpfs": _in_memory(spec),
        "Mounts": [_mount(volume) for volume in plan.volumes] + [_empty(mount) for mount in on_disk(spec)],
        "DeviceRequests": [_devices(plan.gpus)] if plan.gpus else [],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": LOG_BYTES, "max-file": LOG_FILES}},
        "RestartPolicy": {"Name": "no"},
    }


def _in_memory(spec: ReplicaSpec) -> dict[str, str]:
    mounts = {mount.path: mount for mount in spec.mounts}
    folders = {
        path: f"rw,nosuid,nodev,mode=1777{f',size={mount.size_bytes}' if mount.size_bytes else ''}"
        for path, mount in mounts.items()
        if mount.in_memory and path != _SHARED_MEMORY
    }
    if spec.read_only_root and "/tmp" not in mounts:  # noqa: S108  the container's
        folders["/tmp"] = "rw,nosuid,nodev,mode=1777"  # noqa: S108
    return folders


def on_disk(spec: ReplicaSpec) -> list[Mount]:
    """Return the empty folders that lie on the engine's disk."""
    return [mount for mount in spec.mounts if not mount.in_memory and mount.path != _SHARED_MEMORY]


def _empty(mount: Mount) -> dict[str, Any]:
    return {"Type": "volume", "Target": mount.path}  # without a name it goes with its container


def _mount(volume: Volume) -> dict[str, Any]:
    return {"Type": "volume", "Source": volume.name, "Target": volume.target, "ReadOnly": True}


def _devices(gpus: tuple[str, ...]) -> dict[str, Any]:
    return {"Driver": "nvidia", "DeviceIDs": list(gpus), "Capabilities": [["gpu"]]}


def open_folders(spec: ReplicaSpec) -> bytes:
    """Return an archive for the container's root that opens the empty folders on the disk to every user."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for mount in on_disk(spec):
            entry = tarfile.TarInfo(str(PurePosixPath(mount.path).relative_to("/")))
            entry.type, entry.mode = tarfile.DIRTYPE, _EVERYBODY
            archive.addfile(entry)
    return buffer.getvalue()
