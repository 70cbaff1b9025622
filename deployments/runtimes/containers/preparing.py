"""Prepares a container (image, artifacts, container, start) in a thread of the worker, as no call waits for it.

If the worker ends meanwhile, the attempt is started again, and each step skips what is already done.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound

from deployments.errors import LaunchpadError, RuntimeRejected, RuntimeUnavailable
from deployments.lifecycle import ExitReason
from deployments.messages import Message, render_english
from deployments.runtimes import messages as shared
from deployments.runtimes.base import Owner, ReplicaExit, ReplicaSpec
from deployments.runtimes.containers import creating, labels, messages
from deployments.runtimes.containers.artifacts import ArtifactUnusable, ArtifactVolumes
from deployments.runtimes.containers.client import PATIENT_SECONDS, EngineClient, error_text
from deployments.runtimes.containers.images import ImageUnusable, provide
from deployments.runtimes.containers.options import ContainerOptions
from deployments.runtimes.containers.records import Record, Records
from deployments.runtimes.exit_messages import NOT_EXECUTABLE, NOT_FOUND
from deployments.runtimes.processes import start_mark
from deployments.runtimes.redaction import Redaction

logger = logging.getLogger(__name__)

PROGRESS_INTERVAL = 0.5  # seconds
_TAKEN = ("already in use", "already exists")
_MISSING = ("executable file not found", "no such file or directory")
_FORBIDDEN = ("permission denied", "is a directory")


class Stopped(Exception):
    """The attempt was stopped, ended or deleted meanwhile."""


class NotStarted(Exception):
    """The container cannot be made or started; another attempt would end the same if `permanent`."""

    def __init__(self, message: Message, *, code: int | None = None, permanent: bool = False) -> None:
        super().__init__(message.reason)
        self.message, self.code, self.permanent = message, code, permanent


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt to be prepared.

    Args:
        plan: returns what its container is made of from the details of its image, right before it is made.
        volumes: where its artifacts are copied to.
    """

    spec: ReplicaSpec
    owner: Owner
    options: ContainerOptions
    image: str
    plan: Callable[[dict[str, Any]], creating.ContainerPlan]
    volumes: ArtifactVolumes


class Preparation:
    """Prepares one attempt and starts its container."""

    def __init__(self, job: Job, client: EngineClient, records: Records, record: Record) -> None:
        self._job, self._client, self._records, self._record = job, client, records, record
        self._spec = job.spec
        self._name = labels.container_name(job.owner, job.spec.name, job.spec.attempt)
        self._redaction = Redaction(job.spec.secret_env.values())
        self._reported_at = 0.0

    def run(self) -> None:
        """Prepare it to its end: the container runs, or the record says why there is none."""
        try:
            with self._client.asking(seconds=PATIENT_SECONDS) as client:
                self._prepare(client)
        except Stopped:
            self._end(ExitReason.STOPPED, Message(shared.STOPPED_BEFORE_START))
        except (ImageUnusable, NotStarted) as error:
            code = getattr(error, "code", None)
            self._end(ExitReason.NOT_STARTED, error.message, code=code, permanent=error.permanent)
        except (ArtifactUnusable, RuntimeRejected) as error:
            self._end(ExitReason.NOT_STARTED, error.message)
        except RuntimeUnavailable as error:
            if isinstance(error.__cause__, APIError):
                self._end(ExitReason.NOT_STARTED, error.message)
            else:  # the attempt is not there then, and is started again as soon as the engine answers
                logger.warning("%s cannot be prepared now: %s", self._name, error)
        except Exception as error:
            logger.exception("Preparing %s failed", self._name)
            words = str(error) if isinstance(error, LaunchpadError) else f"{type(error).__name__}: {error}"
            failed = Message(messages.PREPARATION_FAILED, {"error": self._redaction.redact(words)})
            self._end(ExitReason.NOT_STARTED, failed)

    def _prepare(self, client: APIClient) -> None:
        began = time.monotonic()
        was_present = bool(_image_id(client, self._job.image))
        image = provide(
            client,
            self._job.image,
            policy=self._job.options.pull_policy,
            architecture=str(self._client.info(client).get("Architecture") or ""),
            secrets=self._spec.pull_secrets,
            report=lambda message: self._report("PREPARING", message),
        )
        if was_present and self._job.options.pull_policy != "always":
            self._log(Message(messages.IMAGE_PRESENT, {"image": self._job.image}))
        else:
            self._records.note_pulled(self._job.image)
            lasted = round(time.monotonic() - began, 1)
            self._log(Message(messages.IMAGE_PULLED, {"image": self._job.image, "lasted_seconds": lasted}))
        self._check_stop()
        self._job.volumes.provide(
            client, self._spec, self._job.image, lambda message: self._report("FETCHING", message), self._log
        )
        self._check_stop()
        self._write(phase="STARTING", detail=None)
        plan = self._job.plan(image)
        self._create(client, plan)
        self._check_stop_of_created(client)
        self._start(client)
        line = (time.time_ns(), render_english(Message(messages.CONTAINER_STARTED)))
        self._write(phase="STARTED", lines=(*self._record.lines, line))
        values = labels.values_of(plan.labels)
        if values is not None and self._records.stopped_at(self._spec.name, self._spec.attempt) is not None:
            with suppress(APIError):  # it has ended meanwhile
                client.kill(self._name, signal=values.stop_signal)

    def _create(self, client: APIClient, plan: creating.ContainerPlan) -> None:
        """Make the container, unless it is there already."""
        try:
            client.create_container_from_config(creating.body(self._spec, plan, self._job.options), name=self._name)
        except APIError as error:
            words = error_text(error)
            if any(text in words for text in _TAKEN) and _exists(client, self._name):
                return
            message = Message(messages.CONTAINER_NOT_CREATED, {"error": f"{self._redaction.redact(words)}."})
            raise NotStarted(message) from error
        for volume in plan.volumes:
            if not self._job.volumes.is_filled(client, volume.name):  # removed in the meantime
                client.remove_container(self._name, v=True, force=True)
                raise ArtifactUnusable(volume.placeholder, Message(shared.ENDED_SILENTLY))
        if creating.on_disk(self._spec):
            client.put_archive(self._name, "/", creating.open_folders(self._spec))
        self._log(Message(messages.CONTAINER_CREATED, {"name": self._name}))

    def _start(self, client: APIClient) -> None:
        try:
            client.start(self._name)
        except APIError as error:
            words = self._redaction.redact(error_text(error))
            with suppress(NotFound):
                client.remove_container(self._name, v=True, force=True)
            raise _not_started(self._spec, words) from error

    # --- the record ---------------------------------------------------------------------------------------------

    def _report(self, phase: str, detail: Message) -> None:
        """Record the progress, not too often; raise Stopped if the attempt was stopped meanwhile."""
        self._check_stop()
        if phase == self._record.phase and time.monotonic() - self._reported_at < PROGRESS_INTERVAL:
            return
        self._reported_at = time.monotonic()
        self._write(phase=phase, detail=detail)

    def _log(self, message: Message) -> None:
        line = (time.time_ns(), self._redaction.redact(render_english(message)))
        self._write(lines=(*self._record.lines, line))

    def _write(self, **values: Any) -> None:
        self._check_record()
        self._record = replace(self._record, **values)
        self._records.write(self._spec.name, self._spec.attempt, self._record)

    def _check_record(self) -> None:
        """Give up when the attempt has been ended, or deleted, by somebody else."""
        record = self._records.read(self._spec.name, self._spec.attempt)
        if record is None or record.exit is not None:
            raise Stopped

    def _check_stop(self) -> None:
        self._check_record()
        if self._records.stopped_at(self._spec.name, self._spec.attempt) is not None:
            raise Stopped

    def _check_stop_of_created(self, client: APIClient) -> None:
        try:
            self._check_stop()
        except Stopped:
            client.remove_container(self._name, v=True, force=True)
            raise

    def _end(self, reason: ExitReason, message: Message, *, code: int | None = None, permanent: bool = False) -> None:
        ended = ReplicaExit(reason=reason, code=code, message=message, at=datetime.now(UTC), permanent=permanent)
        line = (time.time_ns(), self._redaction.redact(render_english(message)))
        with suppress(Stopped):  # its end is recorded already
            self._write(detail=None, exit=ended, lines=(*self._record.lines, line))


def _not_started(spec: ReplicaSpec, words: str) -> NotStarted:
    """Return the meaning of an engine's error for a container that could not be started."""
    program = spec.command[0] if spec.command else "the image's program"
    lower = words.lower()
    if any(text in lower for text in _MISSING) and ("exec" in lower or "stat" in lower):
        return NotStarted(Message(shared.PROGRAM_MISSING, {"program": program}), code=NOT_FOUND, permanent=True)
    if any(text in lower for text in _FORBIDDEN) and "exec" in lower:
        return NotStarted(Message(shared.PROGRAM_FORBIDDEN, {"program": program}), code=NOT_EXECUTABLE, permanent=True)
    return NotStarted(Message(messages.CONTAINER_NOT_STARTED, {"error": f"{words}."}))


def _exists(client: APIClient, name: str) -> bool:
    try:
        client.inspect_container(name)
    except NotFound:
        return False
    return True


def _image_id(client: APIClient, image: str) -> str:
    try:
        return str(client.inspect_image(image)["Id"])
    except APIError:
        return ""


# --- the preparations of this process ---------------------------------------------------------------------------

_lock = Lock()
_running: set[tuple[Path, str, int]] = set()


def is_running_here(records: Records, replica: str, attempt: int) -> bool:
    """Return whether a thread of this process prepares an attempt."""
    return (records.folder, replica, attempt) in _running


def begin(records: Records, spec: ReplicaSpec, make: Callable[[Record], Preparation]) -> None:
    """Prepare an attempt in a thread, unless one does so already.

    Args:
        make: returns what prepares it; what it raises (RuntimeRejected) is raised before anything is written.
    """
    key = (records.folder, spec.name, spec.attempt)
    with _lock:
        if key in _running:
            return
        before = records.read(spec.name, spec.attempt)
        own = (os.getpid(), start_mark(os.getpid()))
        record = replace(before, worker=own) if before else Record(at=time.time(), worker=own)
        preparation = make(record)
        records.write(spec.name, spec.attempt, record)
        _running.add(key)

    def run() -> None:
        try:
            preparation.run()
        finally:
            with _lock:
                _running.discard(key)

    Thread(target=run, name=f"prepare {spec.name}", daemon=True).start()
