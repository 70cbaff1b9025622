"""The runtime of containers: replicas are containers of an engine that speaks the Docker Engine API.

What must not be lost is in the labels of containers, the rest in small records on our disk. So several processes of
Launchpad may use it at the same time, and containers outlive all of them, and the engine's service as well.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from docker import APIClient
from docker.errors import APIError, NotFound

from deployments.errors import RuntimeRejected
from deployments.lifecycle import ReplicaPhase
from deployments.messages import Message
from deployments.runtimes import messages as shared
from deployments.runtimes.base import (
    ArtifactSource,
    HealthCheck,
    LogLine,
    Node,
    Owner,
    ReplicaSpec,
    ReplicaStatus,
    Resources,
    StoredImage,
)
from deployments.runtimes.containers import creating, gpus, labels, logs, messages, preparing, stored_images
from deployments.runtimes.containers.artifacts import ArtifactVolumes, volume_name, volumes_of
from deployments.runtimes.containers.client import EngineClient
from deployments.runtimes.containers.options import HOST_NETWORK, ContainerOptions
from deployments.runtimes.containers.reading import Container, Reader, containers
from deployments.runtimes.containers.records import Record, Records
from deployments.runtimes.containers.usage import Usage
from deployments.runtimes.health_checks import HealthChecks
from deployments.serving_template.modules import names_package

MAX_ENDED_ATTEMPTS = 5  # of a replica, kept with their logs
NODE = "engine"
LOOPBACK = "127.0.0.1"
_PROBED = {ReplicaPhase.STARTING, ReplicaPhase.LISTENING, ReplicaPhase.HEALTHY}


class ContainerRuntime:
    """Runs replicas as containers of one engine (the contract is `base.Runtime`).

    Args:
        owner: whose replicas it starts and shows.
        home: folder of the records, of all connections.
    """

    def __init__(self, owner: Owner, options: ContainerOptions, client: EngineClient, home: Path) -> None:
        self._owner, self._options, self._client = owner, options, client
        folder = home / f"{owner.installation[:12]}-{owner.connection}"
        self._records = Records(folder)
        self._volumes = ArtifactVolumes(folder=folder / "volumes", owner=owner)
        self._usage = Usage()
        self._health = HealthChecks()
        self._reader = Reader(
            owner=owner,
            options=options,
            records=self._records,
            usage=self._usage,
            address=options.host or LOOPBACK,
            is_local=options.address.startswith("unix://"),
            info=client.info,
        )

    def nodes(self) -> Sequence[Node]:
        """Return the engine as the one node, with what the connection has of it."""
        with self._client.asking() as client:
            client.ping()
            info, options = self._client.info(client), self._options
        cores = options.cpu if options.cpu is not None else info["NCPU"] * settings.LAUNCHPAD_CPU_OVERCOMMIT
        memory = options.memory_gb * 1e9 if options.memory_gb is not None else info["MemTotal"]
        devices = gpus.devices(info, options)
        resources = Resources(cpu_millis=int(cores * 1000), memory_bytes=int(memory), gpus=len(devices))
        return [Node(name=NODE, resources=resources)]

    # --- start and stop -----------------------------------------------------------------------------------------

    def start(self, spec: ReplicaSpec) -> None:
        """Begin to prepare a container; a thread of this process does it.

        Raises:
            RuntimeRejected: it may not be run here, names an artifact that it does not have or that lies where none
                may be taken from, or another connection has a replica of this name.
        """
        image = self._image(spec)
        volumes = volumes_of(self._owner, spec)
        draft = creating.ContainerPlan(
            image=image, port=creating.DEFAULT_PORT, publish_on="", volumes=volumes, gpus=(), labels={}
        )
        creating.body(spec, draft, self._options)  # raises what can never be filled in
        with self._client.asking() as client:
            by_attempt = self._attempts_of(client, spec.name)
            records = self._records.attempts(spec.name)
            if self._is_begun(client, spec, by_attempt, records):
                return
            self._remove_old_attempts(client, spec, by_attempt, records)

        def make(record: Record) -> preparing.Preparation:
            job = preparing.Job(
                spec=spec,
                owner=self._owner,
                options=self._options,
                image=image,
                plan=lambda details: self._plan(spec, record, image, details),
                volumes=self._volumes,
            )
            return preparing.Preparation(job, self._client, self._records, record)

        with self._client.asking():
            preparing.begin(self._records, spec, make)

    def _is_begun(
        self, client: APIClient, spec: ReplicaSpec, by_attempt: dict[int, Container], records: dict[int, Record]
    ) -> bool:
        """Return whether the attempt has run, was stopped, is older than another, or is prepared by some process."""
        if any(number > spec.attempt for number in {*by_attempt, *records}):
            return True
        if self._records.stopped_at(spec.name, spec.attempt) is not None:
            return True
        container, record = by_attempt.get(spec.attempt), records.get(spec.attempt)
        if container is not None and container.state != "created":
            return True
        if record is not None and record.exit is not None:
            return True
        return self._reader.status(client, spec.name, spec.attempt, container) is not None

    def _attempts_of(self, client: APIClient, name: str) -> dict[int, Container]:
        """Return the containers of a replica.

        Raises:
            RuntimeRejected: there are some of another connection.
        """
        filters = [f"{labels.REPLICA}={name}", f"{labels.ROLE}={labels.SERVER}"]
        ours = labels.owner_labels(self._owner)
        for row in client.containers(all=True, filters={"label": filters}):
            if not ours.items() <= (row.get("Labels") or {}).items():
                raise RuntimeRejected(Message(shared.REPLICA_OF_ANOTHER, {"replica": name}))
        return self._by_attempt(client, name)

    def _by_attempt(self, client: APIClient, name: str) -> dict[int, Container]:
        replica = f"{labels.REPLICA}={name}"
        return {container.attempt: container for container in containers(client, self._owner, replica)}

    def _image(self, spec: ReplicaSpec) -> str:
        """Return the image of a replica.

        Raises:
            RuntimeRejected: it has none, or one that may not be run here.
        """
        allowed = self._options.allowed_images
        if spec.image:
            if allowed and not spec.image.startswith(allowed):
                params = {"image": spec.image, "prefixes": ", ".join(allowed)}
                raise RuntimeRejected(Message(messages.IMAGE_NOT_ALLOWED, params))
            return spec.image
        if not names_package(spec.requirements):
            raise RuntimeRejected(Message(messages.NO_IMAGE, {"name": spec.name}))
        return self._options.model_servers_image

    def _plan(self, spec: ReplicaSpec, record: Record, image: str, details: dict[str, Any]) -> creating.ContainerPlan:
        """Return what the container of an attempt is made of, right before that."""
        host = self._options.host
        is_hosts = self._options.network == HOST_NETWORK
        port = spec.port or (_free_port() if is_hosts and not host else creating.DEFAULT_PORT)
        devices: tuple[str, ...] = ()
        if spec.resources.gpus:
            with self._client.asking() as client:
                servers = [container for container in containers(client, self._owner) if container.is_live]
                taken = [gpu for container in servers for gpu in container.values.gpus]
                devices = gpus.choose(
                    gpus.devices(self._client.info(client), self._options), taken, spec.resources.gpus
                )
        values = labels.Values(
            began=record.at,
            port=port,
            health=spec.health_check or HealthCheck(path=spec.health_path),
            grace_seconds=spec.grace_seconds,
            stop_signal=(details.get("Config") or {}).get("StopSignal") or "SIGTERM",
            memory_bytes=spec.resources.memory_bytes,
            gpus=devices,
            secret_env=tuple(spec.secret_env),
        )
        return creating.ContainerPlan(
            image=image,
            port=port,
            publish_on=socket.gethostbyname(host) if host else LOOPBACK,
            volumes=volumes_of(self._owner, spec),
            gpus=devices,
            labels=labels.server_labels(self._owner, spec.name, spec.attempt, values),
        )

    def _remove_old_attempts(
        self, client: APIClient, spec: ReplicaSpec, by_attempt: dict[int, Container], records: dict[int, Record]
    ) -> None:
        """Remove the oldest attempts that have ended, with their logs."""
        live = {number for number, container in by_attempt.items() if container.is_live}
        ended = sorted(number for number in {*by_attempt, *records} - live if number < spec.attempt)
        for number in ended[: -MAX_ENDED_ATTEMPTS + 1] if len(ended) >= MAX_ENDED_ATTEMPTS else ():
            if (container := by_attempt.get(number)) is not None:
                _remove(client, container.id)
            self._records.remove_attempt(spec.name, number)

    def stop(self, name: str, attempt: int) -> None:
        """Send the stop signal; the first call after the grace time kills a server that still runs."""
        with self._client.asking() as client:
            servers = self._by_attempt(client, name)
            if not servers and not self._records.attempts(name):
                return
            stopping = {number for number in servers if self._records.stopped_at(name, number) is not None}
            self._records.stop(name, attempt)
            for number, record in self._records.attempts(name).items():
                # What waits for an image or a model may take long to notice.
                if number <= attempt and record.exit is None and record.phase in {"PREPARING", "FETCHING"}:
                    self._reader.note_stop(name, number, record)
            for number, container in servers.items():
                if number <= attempt and container.is_live and number not in stopping:
                    with suppress(APIError):  # it has ended meanwhile
                        client.kill(container.id, signal=container.values.stop_signal)

    def delete(self, name: str) -> None:
        """Remove the containers and records of a replica, unless it runs or is prepared."""
        with self._client.asking() as client:
            by_attempt = self._by_attempt(client, name)
            for number in {*by_attempt, *self._records.attempts(name)}:
                status = self._reader.status(client, name, number, by_attempt.get(number))
                if status is not None and status.phase is not ReplicaPhase.EXITED:
                    return
            for container in by_attempt.values():
                _remove(client, container.id)
            self._records.remove(name)

    # --- looking ------------------------------------------------------------------------------------------------

    def list_all(self) -> Sequence[ReplicaStatus]:
        """Return every replica of this connection: one call, and one more for each that has just ended."""
        with self._client.asking() as client:
            return [status for status, _ in self._reader.statuses(client)]

    def get(self, deployment_id: str, *, probe: bool = True) -> Sequence[ReplicaStatus]:
        """Return the replicas of one deployment with what they use, asked for their health unless `probe` is False."""
        with self._client.asking() as client:
            replicas = self._reader.statuses(client, deployment_id)
            with ThreadPoolExecutor(max_workers=max(1, min(8, len(replicas)))) as threads:
                return list(threads.map(lambda replica: self._measured(client, *replica, probe=probe), replicas))

    def _measured(
        self, client: APIClient, status: ReplicaStatus, container: Container | None, *, probe: bool
    ) -> ReplicaStatus:
        if container is None or not container.is_live or status.phase not in _PROBED:
            return status
        cpu, memory = self._usage.of(client, container.id)
        status = replace(status, cpu_percent=cpu, memory_bytes=memory)
        check = container.values.health
        port = self._reader.port_of(container, check.port or container.values.port)
        if not probe or port is None:
            return status
        health = self._health.ask(
            container.id,
            check,
            self._reader.address,
            port,
            age=time.time() - status.started_at.timestamp(),
            was_healthy=status.phase is ReplicaPhase.HEALTHY,
        )
        is_healthy = health.phase is ReplicaPhase.HEALTHY
        self._records.mark_healthy(status.name, status.attempt, healthy=is_healthy)
        return replace(status, phase=health.phase, detail=health.detail)

    def logs(
        self,
        deployment_id: str,
        *,
        limit: int = 1000,
        cursor: str = "",
        start: Any = None,
        end: Any = None,
        newest_first: bool = False,
        replica: str = "",
        attempt: int | None = None,
    ) -> Sequence[LogLine]:
        """Return the first log lines of a deployment (start <= at < end), or those after a cursor."""
        query = logs.LogQuery(limit=limit, cursor=cursor, start=start, end=end, newest_first=newest_first)
        with self._client.asking() as client:
            sources = [
                self._reader.source(client, name, number, container)
                for name, number, container in self._reader.attempts(client, deployment_id)
                if replica in ("", name) and attempt in (None, number)
            ]
            return logs.read(client, sources, query)

    def unfinished_lines(self, deployment_id: str) -> Sequence[LogLine]:
        """Return what live servers have written of lines without an end."""
        with self._client.asking() as client:
            sources = [
                self._reader.source(client, name, number, container)
                for name, number, container in self._reader.attempts(client, deployment_id)
                if container is not None and container.is_live
            ]
            return [line for source in sources for line in logs.unfinished(client, source)]

    # --- what stays between replicas ----------------------------------------------------------------------------

    def remove_unused(self, groups: Iterable[str], artifacts: Iterable[tuple[str, ArtifactSource]]) -> int:
        """Remove the volumes of all but these artifacts that no container has."""
        known = set(groups)
        volumes = [volume_name(self._owner, group, source) for group, source in artifacts if group in known]
        with self._client.asking() as client:
            return self._volumes.remove_unused(client, volumes)

    def unused_images(self) -> Sequence[StoredImage]:
        """Return the images that were pulled for us and that no container uses."""
        with self._client.asking() as client:
            return stored_images.unused(client, self._records.pulled())

    def remove_unused_images(self) -> Sequence[StoredImage]:
        """Remove them, and return those that are gone."""
        with self._client.asking() as client:
            return stored_images.remove_unused(client, self._records.pulled())


def _remove(client: APIClient, container: str) -> None:
    with suppress(NotFound):
        client.remove_container(container, v=True, force=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
