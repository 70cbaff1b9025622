"""The runtime of containers: replicas are containers of an engine that speaks the Docker Engine API.

What must not be lost is in the labels of containers; beside them there are small records on our disk. So several
processes of Launchpad use it at the same time, and containers outlive all of them, and the engine's service as well.
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

KEPT_ATTEMPTS = 5  # ended ones of a replica, with their logs
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
        dry = creating.ContainerPlan(
            image=image, port=creating.DEFAULT_PORT, publish_on="", volumes=volumes, gpus=(), labels={}
        )
        creating.body(spec, dry, self._options)  # says what can never be filled in
        with self._client.asking() as client:
            mine = self._attempts_of(client, spec.name)
            noted = self._records.attempts(spec.name)
            if any(number > spec.attempt for number in {*mine, *noted}):
                return
            if self._records.stopped_at(spec.name, spec.attempt) is not None:
                return
            there, record = mine.get(spec.attempt), noted.get(spec.attempt)
            if (there is not None and there.state != "created") or (record is not None and record.exit is not None):
                return
            if self._reader.status(client, spec.name, spec.attempt, there) is not None:
                return  # another process prepares it
            self._forget_old(client, spec, mine, noted)

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

    def _attempts_of(self, client: APIClient, name: str) -> dict[int, Container]:
        """Return the containers of a replica.

        Raises:
            RuntimeRejected: there are some of another connection.
        """
        wanted = [f"{labels.REPLICA}={name}", f"{labels.ROLE}={labels.SERVER}"]
        ours = labels.owner_labels(self._owner)
        for row in client.containers(all=True, filters={"label": wanted}):
            if not ours.items() <= (row.get("Labels") or {}).items():
                raise RuntimeRejected(Message(shared.REPLICA_OF_ANOTHER, {"replica": name}))
        return {one.attempt: one for one in containers(client, self._owner, f"{labels.REPLICA}={name}")}

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
                taken = [gpu for one in containers(client, self._owner) if one.is_live for gpu in one.values.gpus]
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

    def _forget_old(
        self, client: APIClient, spec: ReplicaSpec, mine: dict[int, Container], noted: dict[int, Record]
    ) -> None:
        """Remove the oldest attempts that have ended, with their logs."""
        ended = sorted(
            number
            for number in {*mine, *noted}
            if number < spec.attempt and not ((one := mine.get(number)) is not None and one.is_live)
        )
        for number in ended[: -KEPT_ATTEMPTS + 1] if len(ended) >= KEPT_ATTEMPTS else ():
            if (one := mine.get(number)) is not None:
                _remove(client, one.id)
            self._records.remove_attempt(spec.name, number)

    def stop(self, name: str, attempt: int) -> None:
        """Send the stop signal; whoever looks after the grace time kills what is still there."""
        with self._client.asking() as client:
            there = containers(client, self._owner, f"{labels.REPLICA}={name}")
            if not there and not self._records.attempts(name):
                return
            told = {one.id: self._records.stopped_at(name, one.attempt) is not None for one in there}
            self._records.stop(name, attempt)
            for number, record in self._records.attempts(name).items():
                # What waits for an image or a model may take long to notice.
                if number <= attempt and record.exit is None and record.phase in {"PREPARING", "FETCHING"}:
                    self._reader.note_stop(name, number, record)
            for one in there:
                if one.attempt <= attempt and one.is_live and not told[one.id]:
                    with suppress(APIError):  # it has ended meanwhile
                        client.kill(one.id, signal=one.values.stop_signal)

    def delete(self, name: str) -> None:
        """Remove the containers and records of a replica, unless it runs or is prepared."""
        with self._client.asking() as client:
            there = {one.attempt: one for one in containers(client, self._owner, f"{labels.REPLICA}={name}")}
            for number in {*there, *self._records.attempts(name)}:
                seen = self._reader.status(client, name, number, there.get(number))
                if seen is not None and seen.phase is not ReplicaPhase.EXITED:
                    return
            for one in there.values():
                _remove(client, one.id)
            self._records.remove(name)

    # --- looking ------------------------------------------------------------------------------------------------

    def list_all(self) -> Sequence[ReplicaStatus]:
        """Return every replica of this connection: one call, and one more for each that has just ended."""
        with self._client.asking() as client:
            return [status for status, _ in self._reader.statuses(client)]

    def get(self, deployment_id: str, *, probe: bool = True) -> Sequence[ReplicaStatus]:
        """Return the replicas of one deployment with what they use, asked for their health unless `probe` is False."""
        with self._client.asking() as client:
            found = self._reader.statuses(client, deployment_id)
            with ThreadPoolExecutor(max_workers=max(1, min(8, len(found)))) as threads:
                return list(threads.map(lambda one: self._look_at(client, *one, probe=probe), found))

    def _look_at(
        self, client: APIClient, seen: ReplicaStatus, container: Container | None, *, probe: bool
    ) -> ReplicaStatus:
        if container is None or not container.is_live or seen.phase not in _PROBED:
            return seen
        cpu, memory = self._usage.of(client, container.id)
        seen = replace(seen, cpu_percent=cpu, memory_bytes=memory)
        check = container.values.health
        port = self._reader.port_of(container, check.port or container.values.port)
        if not probe or port is None:
            return seen
        health = self._health.ask(
            container.id,
            check,
            self._reader.address,
            port,
            age=time.time() - seen.started_at.timestamp(),
            was_healthy=seen.phase is ReplicaPhase.HEALTHY,
        )
        is_healthy = health.phase is ReplicaPhase.HEALTHY
        self._records.mark_healthy(seen.name, seen.attempt, healthy=is_healthy)
        return replace(seen, phase=health.phase, detail=health.detail)

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
        wanted = logs.LogQuery(limit=limit, cursor=cursor, start=start, end=end, newest_first=newest_first)
        with self._client.asking() as client:
            sources = [
                self._reader.source(client, *one)
                for one in self._reader.attempts(client, deployment_id)
                if replica in ("", one[0]) and attempt in (None, one[1])
            ]
            return logs.read(client, sources, wanted)

    def unfinished_lines(self, deployment_id: str) -> Sequence[LogLine]:
        """Return what live servers have written of lines without an end."""
        with self._client.asking() as client:
            found = self._reader.attempts(client, deployment_id)
            live = [one for one in found if one[2] is not None and one[2].is_live]
            return [line for one in live for line in logs.unfinished(client, self._reader.source(client, *one))]

    # --- what stays between replicas ----------------------------------------------------------------------------

    def remove_unused(self, groups: Iterable[str], artifacts: Iterable[tuple[str, ArtifactSource]]) -> int:
        """Remove the volumes of all but these artifacts that no container has."""
        known = set(groups)
        wanted = [volume_name(self._owner, group, source) for group, source in artifacts if group in known]
        with self._client.asking() as client:
            return self._volumes.remove_unused(client, wanted)

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
