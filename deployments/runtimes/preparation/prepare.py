"""Makes what servers need (a Python environment, a downloaded file, a trained model) without trusting who makes it.

Run with Launchpad's rights as `python prepare.py FILE NUMBER`; the job is `prepare[NUMBER]["job"]` in that JSON file.
The maker, a child, has given up these rights and can write only to folders that were made for it. When it and all it
has started have ended, the result becomes ours and only then anybody's. A maker that fails leaves nothing.

A job, all paths absolute:
    lock         file that is locked for as long as anybody writes, or ""; `waiting` is printed while another one does
    marker       file that is there when there is nothing to do any more, `""` for asking the maker each time
    own          folders that are made anew for the maker and stay, when it has ended well
    scratch      folders that are made anew for the maker and go with it
    cache        folders of the maker that stay as they are
    publish      [] or [from, to]: what the maker has put into the one folder replaces what is in the other
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
    """The child that makes it, and all that it starts."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._pid = 0

    def run(self) -> int:
        """Run it to its end, and end what it leaves behind. Returns its exit code (negative: the signal)."""
        sys.stdout.flush()
        parent = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # it must not run our handler
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
        """End everything, and return when it has ended. Linux has made our child what has lost its parent."""
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
            os.setpgid(0, 0)  # not setsid: whoever counts or ends the session of this process means its maker too
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            os.umask(0o022)  # servers may run as another user
            confine.enter(self._job["rights"], parent)
            command = self._job["command"]
            os.chdir("/")
            os.execve(command[0], command, self._job["env"])  # noqa: S606  argv only, never a shell
        except BaseException as error:  # noqa: BLE001  nobody but us can report it, whatever it is
            os.write(1, f"{messages.line_of(messages.MAKER_WITHOUT_RIGHTS, error=str(error))}\n".encode())
        os._exit(127)


def prepare(job: dict[str, Any]) -> int:
    """Do a job unless it is done; wait while another process does the same. Returns an exit code."""
    lock = _lock(job["lock"], job["waiting"]) if job["lock"] else -1
    if job["marker"] and os.path.exists(job["marker"]):
        return 0
    if lock >= 0:
        # Makers inherit it: whatever ends this process, nobody else begins while one of them still writes.
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
    """Lock a file and return it open; say so when that takes a while."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(waiting, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        # Whoever held it may have removed what it is for, and this file too.
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
    """Make the result ours, so that no server can change it, and bring it to where it belongs."""
    source, target = job["publish"] or ("", "")
    if job["rights"]["user"]:
        for folder in (*job["own"], *([source] if source else [])):
            _own(folder)
    if source:
        # Folders first and then files by name: what tells of the others (about.json, samples.json) is small and late.
        names = sorted(os.listdir(source), key=lambda name: (not os.path.isdir(f"{source}/{name}"), name))
        for name in names:
            if os.path.isdir(f"{target}/{name}"):
                _remove(f"{target}/{name}")
            os.replace(f"{source}/{name}", f"{target}/{name}")
    if job["marker"]:
        # No link of the maker's is followed: what is there under this name is not the marker yet.
        if os.path.lexists(job["marker"]):
            os.unlink(job["marker"])
        os.close(os.open(job["marker"], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644))


def _own(folder: str) -> None:
    """Make all of a folder ours, readable to all and writable to nobody else; links are never followed."""
    uid, gid = os.geteuid(), os.getegid()
    for _, folders, files, fd in os.fwalk(folder, topdown=False):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode):
                # In this order: a new owner takes set-user-ID away, and nothing else can write meanwhile.
                os.chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)
                os.chmod(name, _mode(status.st_mode), dir_fd=fd)
            elif stat.S_ISLNK(status.st_mode):
                os.chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)
            else:
                os.unlink(name, dir_fd=fd)  # a socket or a pipe is no result
    os.chown(folder, uid, gid)
    os.chmod(folder, _mode(stat.S_IFDIR))


def _mode(mode: int) -> int:
    """Return the rights of a file that all may read, and run if its maker might."""
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
        return []  # not Linux, or a kernel without it: the group is ended all the same


def _kill(pid: int, send: Any = os.kill) -> None:
    try:
        send(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # it has ended meanwhile


def _bind_to_parent() -> None:
    """End with whoever has started this (it then ends its maker), and be the one that orphans fall to."""
    if sys.platform == "linux":
        import ctypes

        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(path: str, number: str) -> int:
    _bind_to_parent()
    os.umask(0o022)  # servers of another user pass through the folders that are made here
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
