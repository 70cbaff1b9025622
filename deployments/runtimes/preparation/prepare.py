"""Runs the program (the maker) that builds an environment, downloads a file or trains a model, without trusting it.

Run with Launchpad's rights as `python prepare.py FILE NUMBER`; the job is `prepare[NUMBER]["job"]` in that JSON file.
The maker is a child without these rights; it can write only to folders that are created for it. Once it and all its
descendants have ended, Launchpad becomes the owner of the result, and only then it is published. If the maker fails,
its result is removed.

A job, all paths absolute:
    lock         file that is locked while the maker runs, or ""; `waiting` is printed while another process holds it
    marker       file whose existence means that the job is done, `""` to run the maker each time
    own          folders that are created empty for the maker and kept if it succeeds
    scratch      folders that are created empty for the maker and removed after it
    cache        folders of the maker that are kept as they are
    publish      [] or [from, to]: entries of the first folder replace those of the second one
    command, env of the maker
    rights       see `confine.enter`
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import stat
import sys

if not __package__:  # run by its path
    sys.path.append(os.path.abspath(f"{__file__}/../../../.."))

from deployments.runtimes import messages
from deployments.runtimes.preparation import confine

TYPE_CHECKING = False  # as in typing
if TYPE_CHECKING:
    from typing import Any, NoReturn

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


class Maker:
    """The child process of a job and its descendants."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._pid = 0

    def run(self) -> int:
        """Run it until it ends, kill its remaining descendants, and return its exit code (negative: the signal)."""
        sys.stdout.flush()
        parent = os.getpid()
        signal.pthread_sigmask(
            signal.SIG_BLOCK, {signal.SIGTERM}
        )  # the child must not run the handler of this process
        self._pid = os.fork()
        if self._pid == 0:
            self._become(parent)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        try:
            _, status = os.waitpid(self._pid, 0)
        finally:
            self.kill()
        return os.waitstatus_to_exitcode(status)

    def kill(self) -> None:
        """Kill the maker and its descendants, and wait for their end. Linux re-parents orphans to this process."""
        _kill(self._pid, os.killpg)
        while True:
            for pid in _children():
                _kill(pid)
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _become(self, parent: int) -> NoReturn:
        try:
            os.setpgid(
                0, 0
            )  # not setsid: limits count and kill the session of this process, which has to include the maker
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.umask(0o022)  # servers may run as another user
            confine.enter(self._job["rights"], parent)
            command = self._job["command"]
            os.chdir("/")
            os.execve(command[0], command, self._job["env"])  # noqa: S606  argv only, never a shell
        except BaseException as error:  # noqa: BLE001  any failure has to be reported here
            os.write(1, f"{messages.line_of(messages.MAKER_WITHOUT_RIGHTS, error=str(error))}\n".encode())
        os._exit(127)


def prepare(job: dict[str, Any]) -> int:
    """Do a job unless it is done, after waiting for another process that does the same; return an exit code."""
    lock = _lock(job["lock"], job["waiting"]) if job["lock"] else -1
    if job["marker"] and os.path.exists(job["marker"]):
        return 0
    if lock >= 0:
        # The maker inherits the lock: if this process is killed, no other begins while the maker still writes.
        os.set_inheritable(lock, True)
    maker = Maker(job)
    signal.signal(signal.SIGTERM, lambda *_: _stop(maker, job))
    done = False
    try:
        _make_folders(job)
        code = maker.run()
        if code == 0:
            _take_over(job)
            done = True
    finally:
        _clean_up(job, done=done)
    if code < 0:
        print(messages.line_of(messages.MAKER_KILLED, number=-code), flush=True)
    return abs(code)


def _lock(path: str, waiting: str) -> int:
    """Lock a file and return its descriptor; print `waiting` if another process holds the lock."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        # The previous holder may have removed the folder and this file with it.
        if os.path.exists(path) and os.path.samestat(os.fstat(lock), os.stat(path)):
            return lock
        os.close(lock)


def _stop(maker: Maker, job: dict[str, Any]) -> NoReturn:
    maker.kill()
    _clean_up(job, done=False)
    os._exit(128 + signal.SIGTERM)


def _make_folders(job: dict[str, Any]) -> None:
    user = job["rights"]["user"]
    for folder in (*job["own"], *job["scratch"]):
        _remove(folder)
    for target in job["publish"][1:]:
        os.makedirs(target, exist_ok=True)
    for folder in (*job["own"], *job["scratch"], *job["cache"]):
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
            if user:
                os.chown(folder, *user)


def _take_over(job: dict[str, Any]) -> None:
    """Take over the ownership of the result, so that no server can change it, and publish it."""
    source, target = job["publish"] or ("", "")
    if job["rights"]["user"]:
        for folder in (*job["own"], *([source] if source else [])):
            _own(folder)
    if source:
        # Folders first, then files by name: those that describe the others (zz-about.json, samples.json) come last.
        names = sorted(os.listdir(source), key=lambda name: (not os.path.isdir(f"{source}/{name}"), name))
        for name in names:
            if os.path.isdir(f"{target}/{name}"):
                _remove(f"{target}/{name}")
            os.replace(f"{source}/{name}", f"{target}/{name}")
    if job["marker"]:
        # A link of this name that the maker has left must not be followed.
        if os.path.lexists(job["marker"]):
            os.unlink(job["marker"])
        os.close(os.open(job["marker"], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))


def _own(folder: str) -> None:
    """Take over the ownership of all in a folder, readable for all and writable for nobody else; follow no link."""
    uid, gid = os.geteuid(), os.getegid()
    for _, folders, files, fd in os.fwalk(folder, topdown=False):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode):
                # In this order: chown clears set-user-ID, and the maker cannot write any more.
                os.chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)
                os.chmod(name, _mode(status.st_mode), dir_fd=fd)
            elif stat.S_ISLNK(status.st_mode):
                os.chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)
            else:
                os.unlink(name, dir_fd=fd)  # sockets and pipes are not part of a result
    os.chown(folder, uid, gid)
    os.chmod(folder, _mode(stat.S_IFDIR))


def _mode(mode: int) -> int:
    """Return the mode of a file that all may read, and execute if its maker was allowed to."""
    runs = stat.S_ISDIR(mode) or mode & 0o100
    return 0o755 if runs else 0o644


def _clean_up(job: dict[str, Any], *, done: bool) -> None:
    for folder in (*job["scratch"], *(() if done else job["own"])):
        _remove(folder)
    for target in job["publish"][1:]:
        if os.path.isdir(target) and not os.listdir(target):
            os.rmdir(target)


def _remove(folder: str) -> None:
    if os.path.islink(folder):
        os.unlink(folder)
    elif os.path.lexists(folder):
        shutil.rmtree(folder)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:
        return []  # not Linux, or a kernel without this file: the process group is killed anyway


def _kill(pid: int, send: Any = os.kill) -> None:
    try:
        send(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it has ended meanwhile


def _bind_to_parent() -> None:
    """Be terminated with the parent process (which kills the maker), and become the parent of orphans."""
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(path: str, number: str) -> int:
    _bind_to_parent()
    os.umask(0o022)  # servers of another user have to traverse the folders that are created here
    with open(path, encoding="utf-8") as file:
        job = json.load(file)["prepare"][int(number)]["job"]
    try:
        return prepare(job)
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        print(f"{error.strerror or error}{where}", flush=True)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
