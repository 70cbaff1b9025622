"""The contract of all runtimes in plain data: what to run, its observed status, and the capacity.

A runtime is opened for one connection (`Driver.open`). It does not access the database. It starts and stops
replicas by name, and returns and changes only those that its own connection has started.
Every call is idempotent by name, returns within ten seconds, and never waits for a server to start or stop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit

from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import Message
from deployments.runtimes.endpoint import Endpoint
from deployments.runtimes.options import (
    ConnectionReport,
    ImageStore,
    Offer,
    OptionField,
    OptionType,
    StoredImage,
)
from deployments.serving_template.server_spec import HealthCheck, Mount

__all__ = [
    "ArtifactSource",
    "ConnectionReport",
    "Endpoint",
    "ExitReason",
    "HealthCheck",
    "ImageStore",
    "LogLine",
    "Mount",
    "Node",
    "Offer",
    "OptionField",
    "OptionType",
    "Owner",
    "ReplicaExit",
    "ReplicaPhase",
    "ReplicaSpec",
    "ReplicaStatus",
    "Resources",
    "Runtime",
    "StoredImage",
]


@dataclass(frozen=True, kw_only=True)
class Owner:
    """The owner of a replica. Every replica carries both ids, as labels, in its name or in a file.

    Args:
        installation: id of the installation of Launchpad, a UUID.
        connection: id of the connection, unique in its installation.
    """

    installation: str
    connection: str


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one replica may use.

    Args:
        cpu_millis: CPU in thousandths of a core. A weight, not a limit: idle cores may be used by any server.
        memory_bytes: memory in bytes; going above it ends the replica.
        gpus: whole GPUs.
    """

    cpu_millis: int
    memory_bytes: int
    gpus: int = 0

    def times(self, number: int) -> Resources:
        """Return what a number of such replicas may use together."""
        return Resources(
            cpu_millis=self.cpu_millis * number, memory_bytes=self.memory_bytes * number, gpus=self.gpus * number
        )

    def plus(self, other: Resources) -> Resources:
        return Resources(
            cpu_millis=self.cpu_millis + other.cpu_millis,
            memory_bytes=self.memory_bytes + other.memory_bytes,
            gpus=self.gpus + other.gpus,
        )


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine, or a part of one, that replicas are placed on.

    Args:
        name: unique among the nodes of a connection, not empty, and the same for as long as the node is; replicas
            that were placed on it are told it when they start (`ReplicaSpec.node`).
        resources: all there is to place replicas on (CPU already multiplied by the overcommit setting), also what
            is reserved or used at present.
    """

    name: str
    resources: Resources


@dataclass(frozen=True, kw_only=True)
class ArtifactSource:
    """An input artifact that has to be on the local disk before the server starts.

    Args:
        placeholder: the artifact's name in the template.
        url: `file://` or `http(s)://` address of a file or, for `file://`, a folder.
        sha256: expected checksum in lower-case hex, or `""` when not known.
        folder: name of the folder in the store of uploaded files that is this artifact's own, `""` for none.
    """

    placeholder: str
    url: str
    sha256: str = ""
    folder: str = ""

    @property
    def is_in_store(self) -> bool:
        """Whether `ArtifactStore` gives access to it; everything else is downloaded."""
        return urlsplit(self.url).scheme == "file"


@dataclass(frozen=True, kw_only=True)
class ReplicaSpec:
    """All that a runtime needs to start one replica.

    Args:
        name: `<deployment-id>-<generation>-<replica>`; the identity of the replica in the runtime.
        node: name of the node that it was placed on, `""` where the runtime schedules itself, and for replicas that
            were placed before nodes had names: the runtime then has one node.
        resource_group: id of the group that it belongs to; what is prepared for it is never used for another group.
        attempt: 1 for the first start of this replica, then one more for each restart. Each attempt has its
            own log and exit.
        image: container image, `""` for none.
        command: program and first arguments; in an image, what replaces its entry point.
        args: more arguments; in an image, what replaces its own. Both are rendered but for the placeholders that the
            runtime fills in (see `placeholders`), which may stand anywhere in them and in the values of `env`.
        port: where the server listens when it is not told otherwise; None when the template does not say.
        env: environment of the server. The runtime adds HOST and PORT, where the server has to listen, and what
            programs need (PATH, HOME, LANG, TMPDIR ...); nothing of Launchpad's own environment is inherited.
        secret_env: more environment variables, which are written neither to a disk nor to a log.
        requirements: Python requirement lines of the server's environment; empty means none is prepared. When there
            are some, the environment's `bin` stands first in PATH, so that `python` is its interpreter.
        shares_environment: these requirements come from Launchpad, so all groups may use the same environment.
        fetches: input artifacts to bring to the local disk.
        resources: what the replica may use.
        health_path: HTTP path that answers 2xx when the server is healthy.
        health_check: how else it is asked, None for a GET of `health_path` on the port that it serves on.
        model: placeholder of the artifact that is a container's `/mnt/models`, `""` for the only one there is.
        mounts: empty folders of a container.
        working_dir: folder that a container's command starts in, `""` for its image's own.
        read_only_root: a container may write to its mounts alone.
        pull_secrets: what opens the registry of the image, each in the form of Docker's `config.json`.
        grace_seconds: from SIGTERM to SIGKILL when it is stopped.
    """

    name: str
    node: str = ""
    resource_group: str = ""
    attempt: int
    image: str = ""
    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    port: int | None = None
    env: dict[str, str] = field(default_factory=dict)
    secret_env: dict[str, str] = field(default_factory=dict, repr=False)
    requirements: tuple[str, ...] = ()
    shares_environment: bool = False
    fetches: tuple[ArtifactSource, ...] = ()
    resources: Resources
    health_path: str
    health_check: HealthCheck | None = None
    model: str = ""
    mounts: tuple[Mount, ...] = ()
    working_dir: str = ""
    read_only_root: bool = False
    pull_secrets: tuple[str, ...] = field(default=(), repr=False)
    grace_seconds: float = 10.0


@dataclass(frozen=True, kw_only=True)
class ReplicaExit:
    """How a replica ended.

    Args:
        reason: the kind of end.
        code: exit code, also of what was to prepare it, as in a shell 126 and 127 for a program that may not be
            executed or is missing; None when it did not end by itself.
        signal: signal number, None unless it was ended by one.
        permanent: another attempt would end the same, as far as the runtime knows.
        message: why, e.g. ServerKilled with the signal.
        first_error: the line of its log that says why it ended (see `exit_cause`), `""` if none does.
        first_error_at: when that line was written.
        at: when it ended.
    """

    reason: ExitReason
    code: int | None = None
    signal: int | None = None
    permanent: bool = False
    message: Message
    first_error: str = ""
    first_error_at: datetime | None = None
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ReplicaStatus:
    """The status of one replica as observed by the runtime.

    Args:
        name: as in ReplicaSpec.
        attempt: the attempt this is about (the last one started).
        phase: of its lifecycle.
        endpoint: where it is reached, the same for the whole attempt; None until that is decided.
        detail: its progress, e.g. Fetching with the bytes; why it is not healthy yet, e.g. HealthAnswered with the
            status; of a healthy one, what to be warned of. None if nothing to say.
        started_at: when the attempt began.
        exit: how it ended, only in phase EXITED.
        cpu_percent: CPU in use in percent of one core, None when not known.
        memory_bytes: memory in use in bytes, None when not known.
    """

    name: str
    attempt: int
    phase: ReplicaPhase
    endpoint: Endpoint | None = None
    detail: Message | None = None
    started_at: datetime
    exit: ReplicaExit | None = None
    cpu_percent: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line of a replica's output.

    Args:
        at: when it was written.
        replica: the replica's name.
        attempt: the attempt that wrote it.
        stream: "stdout", "stderr" or "launchpad" (messages of Launchpad, e.g. its exit).
        text: the line without its end.
        cursor: what `Runtime.logs` goes on after this line with, `""` where it cannot.
    """

    at: datetime
    replica: str
    attempt: int
    stream: str
    text: str
    cursor: str = field(default="", compare=False, repr=False)


class Runtime(Protocol):
    """Runs the model servers of one connection.

    All methods raise RuntimeUnavailable while the runtime cannot be reached.
    """

    def nodes(self) -> Sequence[Node]:
        """Return the nodes that we place replicas on, in any order; none while there are none.

        Cheap enough to be called every two seconds. A kind that `schedules_itself` returns them for people alone.
        A replica stays on its node. When a node is missing here, what its replicas reserve stays reserved until they
        have ended, so that a node that only was away for a moment is not given to others.
        """

    def start(self, spec: ReplicaSpec) -> None:
        """Begin to start a replica; the same name and attempt again does nothing.

        Attempts are numbered by our database and only ever grow: one that is older than the last one of its name that
        the runtime knows is not started.

        Raises:
            RuntimeRejected: the replica can never start, with the sentence that says why, e.g. that its node is gone.
        """

    def stop(self, name: str, attempt: int) -> None:
        """Begin to end an attempt, and those before it, with its grace time; nothing happens when there is none.

        The runtime need not store it: `Replica.fence` in our database says which attempts must not run any more.
        """

    def get(self, deployment_id: str, *, probe: bool = True) -> Sequence[ReplicaStatus]:
        """Return the replicas of one deployment.

        Args:
            probe: ask servers whether they are healthy (at most one second); without it a live server
                whose last known phase was HEALTHY stays HEALTHY. Usage is measured in both cases.
        """

    def list_all(self) -> Sequence[ReplicaStatus]:
        """Return every replica of this connection, cheap enough to be called every two seconds.

        Servers are not asked. What other connections and other installations have started is not among them.
        """

    def delete(self, name: str) -> None:
        """Remove the state and logs of a replica that has exited; nothing happens when there are none."""

    def remove_unused(self, groups: Iterable[str], artifacts: Iterable[tuple[str, ArtifactSource]]) -> int:
        """Remove what was prepared for groups and artifacts that are not among these and that no replica uses.

        Args:
            groups: ids of all resource groups that there are.
            artifacts: resource group and source of every artifact that there is.

        Returns:
            How many downloads and folders were removed.
        """

    def logs(
        self,
        deployment_id: str,
        *,
        limit: int = 1000,
        cursor: str = "",
        start: datetime | None = None,
        end: datetime | None = None,
        newest_first: bool = False,
        replica: str = "",
        attempt: int | None = None,
    ) -> Sequence[LogLine]:
        """Return log lines of a deployment by their time (start <= at < end): the first ones, or those after a cursor.

        The cost depends on what is returned and not on what is stored, also if many lines have the same time. Fewer
        lines than `limit` are all that there are. Where old lines were removed, a line of ours says so.

        Args:
            limit: how many lines at most.
            cursor: of the line to go on after, read in the same order; `""` for the first ones.
            replica, attempt: of these alone; `""` and None for all.

        Raises:
            CursorInvalid: the cursor was not made by this runtime.
        """

    def unfinished_lines(self, deployment_id: str) -> Sequence[LogLine]:
        """Return the unfinished last lines of running servers, e.g. the present state of a progress bar."""
