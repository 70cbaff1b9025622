"""The parent process of each model server: starts it, stores its output, records its exit, and outlives Launchpad.

Run as `python -I -S -E shim.py ATTEMPT_DIR` with `spec.json` in that folder (see `driver.py`), and with the server's
secrets as JSON on its stdin. Its state is written to files there, so that a restarted Launchpad can continue. It
imports only the standard library, and little of it, since one shim runs for each server.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

if not __package__:  # run by its path
    sys.path.append(os.path.abspath(f"{__file__}/../../../.."))

from deployments.runtimes import messages
from deployments.runtimes.exit_messages import exit_message, signal_message
from deployments.runtimes.local.attempt_files import StateFile, is_stop_requested
from deployments.runtimes.local.attempt_log import AttemptLog
from deployments.runtimes.local.limits import Limits
from deployments.runtimes.local.messages import PROGRAM_OUTSIDE, SHIM_FAILED, TOO_MANY_TASKS
from deployments.runtimes.local.output import RATE, Output
from deployments.runtimes.preparation import confine
from deployments.runtimes.processes import start_mark
from deployments.runtimes.redaction import Redaction
from deployments.runtimes.terminal import plain

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any, NoReturn

# Signals with a handler of ours or of Python; the server gets the default ones.
_OURS = (signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)
_KILLED = {-signal.SIGKILL, 128 + signal.SIGKILL}
DRAIN_SECONDS = 1.0  # for output that arrives after the server has ended


class Shim:
    """One attempt of one replica, from its preparation to its exit."""

    def __init__(self, folder: str, state: StateFile, secrets: dict[str, str]) -> None:
        self.folder = folder
        self.secrets = secrets
        self.redaction = Redaction(secrets.values())
        with open(os.path.join(folder, "spec.json"), encoding="utf-8") as file:
            self.spec: dict[str, Any] = json.load(file)
        self.log = AttemptLog(folder)
        self.state = state
        self.pid = os.getpid()
        self.limits = Limits(self.spec, prepares=bool(self.spec["prepare"]), parent=self.pid)
        self.watched_at = 0.0
        self.stopping_since: float | None = None
        self.killed = False
        self.paused = False  # it has written more output than is read
        self.child = 0
        self.exit_code: int | None = None
        self.failure: dict[str, Any] | None = None  # why a program could not be started
        self.wakeup, wake = os.pipe()
        for end in (self.wakeup, wake):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def run(self) -> None:
        """Run all steps; the exit is written in any case."""
        if is_stop_requested(os.path.dirname(self.folder), self.spec["attempt"]):
            self.stopping_since = time.monotonic()
        if not self._prepare():
            return
        if self.stopping_since is not None:
            self._end("STOPPED", messages.message(messages.STOPPED_BEFORE_START))
            return
        self.state.write(phase="STARTING", detail=None)
        self.log.write("launchpad", f"Starting: {' '.join(self.spec['command'])}")
        code, _ = self._run(self.spec["command"], self.spec["env"] | self.secrets)
        self._end(*self._reason(code))

    def _prepare(self) -> bool:
        """Run the steps before the server, with its rights but separate limits; return False when one has failed."""
        for step in self.spec["prepare"]:
            if self.stopping_since is not None:
                break
            self.state.write(phase=step["phase"], detail=None)
            code, last = self._run(step["command"], {"PATH": os.defpath}, prepares=True)
            if code != 0 and self.stopping_since is None:
                cause = self.failure or messages.read_line(last) or messages.message(messages.ENDED_SILENTLY)
                if self.limits.was_exceeded():
                    cause = messages.message(messages.PREPARING_OUT_OF_MEMORY)
                self._end("NOT_STARTED", self._not_prepared(step["failure"], cause))
                return False
        if self.spec["prepare"]:
            self.limits.leave()
            self.limits = Limits(self.spec, parent=self.pid)
        return True

    @staticmethod
    def _not_prepared(failure: dict[str, Any] | str, cause: dict[str, Any]) -> dict[str, Any]:
        if isinstance(failure, str):  # of a version that wrote sentences
            return messages.message(messages.TEXT, text=f"{failure}: {messages.english(cause)}")
        return messages.message(failure["reason"], **failure["params"], cause=cause)

    def _on_stop(self, *_: object) -> None:
        if self.stopping_since is None:
            self.stopping_since = time.monotonic()
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        if not self.child:
            return
        try:
            os.killpg(self.child, number)
        except ProcessLookupError:
            return  # it has ended meanwhile; its exit is recorded by the reconciler
        except PermissionError:
            os.kill(self.child, number)

    # --- one child ----------------------------------------------------------------------------------------------

    def _run(self, command: list[str], env: dict[str, str], *, prepares: bool = False) -> tuple[int, str]:
        """Run a child to its end. Returns its exit code (negative: the signal) and the last line it wrote."""
        pipes = {name: os.pipe() for name in ("stdout", "stderr", "failure")}
        self.child = os.fork()
        if self.child == 0:
            self._become(command, env, pipes, prepares=prepares)
        for _, write_end in pipes.values():
            os.close(write_end)
        with open(pipes["failure"][0], encoding="utf-8") as file:
            failure = file.read()  # ends at the exec: the other end is closed there
        if failure:
            self.exit_code = os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])
            self.failure = messages.read_line(failure)
            self._close(pipes)
            self.child = 0
            return self.exit_code, failure
        if not prepares:
            self.state.write(server=[self.child, start_mark(self.child)])
        if self.stopping_since is not None:
            self._signal(signal.SIGTERM)
        last = self._follow({name: pipes[name][0] for name in ("stdout", "stderr")}, prepares=prepares)
        self._close(pipes)
        self.child = 0
        return self.exit_code or 0, last

    @staticmethod
    def _close(pipes: dict[str, tuple[int, int]]) -> None:
        for name in ("stdout", "stderr"):
            os.close(pipes[name][0])

    def _become(
        self, command: list[str], env: dict[str, str], pipes: dict[str, tuple[int, int]], *, prepares: bool
    ) -> NoReturn:
        """In the child: execute the program, or report why that fails."""
        failure = pipes["failure"][1]
        try:
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in _OURS:
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(pipes["stdout"][1], 1)
            os.dup2(pipes["stderr"][1], 2)
            self._enter_limits(prepares=prepares)
            os.execvpe(command[0], command, env)  # noqa: S606  argv only, never a shell
        except FileNotFoundError:
            os.write(failure, messages.line_of(messages.PROGRAM_MISSING, program=command[0]).encode())
            os._exit(127)
        except PermissionError:
            # The sandbox keeps files from being executed, and not from being asked about.
            outside = (
                self.spec["rights"].get("sandbox") and os.path.isabs(command[0]) and os.access(command[0], os.X_OK)
            )
            reason = PROGRAM_OUTSIDE if outside else messages.PROGRAM_FORBIDDEN
            os.write(failure, messages.line_of(reason, program=command[0]).encode())
            os._exit(126)
        except BaseException as error:  # noqa: BLE001  the parent reports any failure
            reason = messages.line_of(messages.PROGRAM_NOT_STARTED, program=command[0], error=str(error))
            os.write(failure, reason.encode())
        os._exit(1)

    def _enter_limits(self, *, prepares: bool) -> None:
        try:
            self.limits.enter()
            if not prepares:  # `prepare.py` drops the rights of its own child
                for stream in (1, 2) if self.spec["rights"]["user"] else ():
                    os.fchown(stream, *self.spec["rights"]["user"])  # for servers that open /dev/stderr
                confine.enter(self.spec["rights"], self.pid)
                os.chdir(self.spec["cwd"])
        except OSError as error:
            raise RuntimeError(f"it cannot be held to its resource plan ({error})") from error

    def _follow(self, streams: dict[str, int], *, prepares: bool) -> str:
        """Read the output of the child until it ends; enforce its memory limit and the grace time of a stop."""
        output = Output(
            streams,
            keep=lambda stream, lines: self._keep(stream, lines, prepares=prepares),
            show=lambda lines: self._show(lines, prepares=prepares),
        )
        poll, without_output = select.poll(), select.poll()
        without_output.register(self.wakeup, select.POLLIN)
        for fd in (*streams.values(), self.wakeup):
            os.set_blocking(fd, False)
            poll.register(fd, select.POLLIN)
        ended_at: float | None = None
        while True:
            patience = output.patience(self._patience(ended_at is not None))
            if ended_at is None and (pause := output.pause()):
                self._note_pause()
                events = without_output.poll(min(pause, patience))
            else:
                events = poll.poll(patience)
            for fd, _ in events:
                if fd == self.wakeup:
                    os.read(fd, 4096)
                elif not output.read(fd):
                    poll.unregister(fd)
            output.show_unfinished()
            if ended_at is None and self._has_ended():
                self.limits.kill(self.child)
                ended_at = time.monotonic()
            elif ended_at is None:
                self._watch(prepares=prepares)
            if ended_at is not None and (not output.open or time.monotonic() - ended_at > DRAIN_SECONDS):
                return output.finish()

    def _note_pause(self) -> None:
        if not self.paused:
            self.paused = True
            self.log.write("launchpad", f"It writes more than {RATE // 1_000_000} MB/s of output: it has to wait.")

    def _patience(self, ended: bool) -> int:
        """Return how many milliseconds to wait for the next event."""
        if ended:
            return 50
        if self.stopping_since is None:
            return int(self.limits.watch_seconds * 1000)
        left = self.stopping_since + self.spec["grace_seconds"] - time.monotonic()
        return max(100, int(left * 1000) + 1)

    def _keep(self, stream: str, lines: list[str], *, prepares: bool) -> str:
        last = ""
        for line in lines:
            if text := self.redaction.redact(line):
                last = plain(text)
                readable = messages.english(messages.read_line(last, len(last))) if prepares else text
                self.log.write("launchpad" if prepares else stream, readable)
        if prepares and last:
            self.state.write(detail=messages.read_line(last))
        return last

    def _show(self, lines: dict[str, str], *, prepares: bool) -> None:
        """Write lines that have no end yet for readers."""
        redacted = {stream: self.redaction.redact(text) for stream, text in lines.items()}
        self.log.show_unfinished({"launchpad" if prepares else stream: text for stream, text in redacted.items()})
        if prepares and redacted:
            self.state.write(detail=messages.read_line(plain([*redacted.values()][-1])))

    def _has_ended(self) -> bool:
        """Return whether the child has ended; bury the orphans among its descendants that have, too."""
        ended = False
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if not pid:
                return ended
            if pid == self.child:
                self.exit_code = os.waitstatus_to_exitcode(status)
                ended = True

    def _watch(self, *, prepares: bool) -> None:
        now = time.monotonic()
        if self.stopping_since is not None and now - self.stopping_since > self.spec["grace_seconds"]:
            self.killed = True
            self.limits.kill(self.child)
        elif not prepares and now - self.watched_at > self.limits.watch_seconds:
            self.watched_at = now
            if self.limits.is_exceeded_by(self.child):
                self.limits.kill(self.child)

    # --- the end ------------------------------------------------------------------------------------------------

    def _reason(self, code: int) -> tuple[str, dict[str, Any]]:
        if self.stopping_since is not None:
            if not self.killed:
                return "STOPPED", messages.message(messages.STOPPED_AS_ASKED)
            return "STOPPED", messages.message(messages.KILLED_AFTER_GRACE, grace_seconds=self.spec["grace_seconds"])
        if self.limits.was_exceeded():
            memory = self.spec["memory_bytes"]
            return "OUT_OF_MEMORY", messages.message(messages.OUT_OF_MEMORY, memory_bytes=memory)
        if most := self.limits.max_tasks_exceeded():
            return "SIGNALED", messages.message(TOO_MANY_TASKS, most=most)
        if self.failure:
            return "NOT_STARTED", self.failure
        if code < 0:
            return "SIGNALED", signal_message(-code, machine_ran_out=self.limits.machine_ran_out())
        return "EXITED", exit_message(code, machine_ran_out=self.limits.machine_ran_out())

    def _end(self, reason: str, message: dict[str, Any]) -> None:
        self.log.write("launchpad", messages.english(message))
        code = self.exit_code
        error, error_at = ("", 0.0)
        if reason not in {"STOPPED", "NOT_STARTED"}:
            # The last line of a killed server does not say why it was killed.
            error, error_at = self.log.cause(last_line=reason in {"EXITED", "SIGNALED"} and code not in _KILLED)
        self.limits.leave()
        self.state.write(
            phase="EXITED",
            detail=None,
            exit={
                "reason": reason,
                "code": code if reason in {"EXITED", "NOT_STARTED"} else None,
                "signal": -code if reason == "SIGNALED" and code is not None else None,
                "message": message,
                "first_error": error,
                "first_error_at": error_at or None,
                "at": time.time(),
            },
        )


def main(folder: str) -> None:
    """Daemonize, report to the starter that the state is written, and run.

    If that fails, the starter exits with 1, with the cause on its stderr.
    """
    secrets = json.load(sys.stdin)
    ready, ready_write = os.pipe()
    if os.fork():
        os.close(ready_write)
        os._exit(0 if os.read(ready, 1) else 1)
    os.close(ready)
    os.setsid()
    if os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGTERM})  # a stop may arrive as soon as the state is written
    state = StateFile(folder)
    if not state.begin(shim=[os.getpid(), start_mark(os.getpid())], phase="STARTING"):
        os.write(ready_write, b"1")  # another shim runs the attempt, or has run it
        return
    shim = Shim(folder, state, secrets)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.write(ready_write, b"1")
    os.close(ready_write)
    devnull = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(devnull, fd)
    try:
        confine.adopt_orphans()
        shim.run()
    except BaseException as error:
        failure = f"{type(error).__name__}: {error}"
        shim._end("LOST", messages.message(SHIM_FAILED, error=failure))
        raise


if __name__ == "__main__":
    main(sys.argv[1])
