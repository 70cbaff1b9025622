"""Drops Launchpad's rights in a process that is about to execute a program that is not ours.

Standard library only: the shim and `prepare.py` import it. `rights.py` decides which rights are dropped; this module
drops them, in the child, right before the exec. A failure raises OSError, and the program is not started.

`python confine.py` with {"rights": ..., "command": [...]} on stdin executes that command with these rights, which
tests whether they can be dropped on this machine.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    import ctypes
    from typing import Any

_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_SLAVE = 2, 4, 4096, 16384, 1 << 19
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 36, 38
_TMPFS_OPTIONS = b"mode=755,size=256k"  # it holds the parent folders of what is shown, nothing else

# Landlock; its system calls have these numbers on all architectures.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION, _BELOW_PATH, _TCP_PORT = 1, 1, 2
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _MAKE_CHAR, _MAKE_BLOCK, _TRUNCATE = 1, 2, 4, 8, 1 << 6, 1 << 11, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_FILES = _EXECUTE | _READ_FILE | _WRITE_FILE | _TRUNCATE  # the others are about what is in a folder
_DEVICES = _MAKE_CHAR | _MAKE_BLOCK
_BIND_TCP = 1
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2


def enter(rights: dict[str, Any], parent: int) -> None:
    """Drop rights irrevocably, and end with the parent.

    Args:
        rights: "user" -> [uid, gid] or [], "hidden" -> folders that are seen empty but for "shown" -> paths in them,
            "sandbox" -> None or what `_restrict` takes; a file of an older version has none.
        parent: the process that has forked this one.

    Raises:
        OSError: not all of it is possible here.
    """
    libc = _libc()
    if libc is not None and rights["hidden"]:
        if os.geteuid() != 0:
            _enter_user_namespace(libc)
        _hide(libc, rights["hidden"], rights["shown"])
    if rights["user"]:
        uid, gid = rights["user"]
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc is None:
        return
    _ask(libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    # After the change of the user, which clears it. Without its parent no limit would be enforced on it.
    _ask(libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), "pdeathsig")
    if os.getppid() != parent:
        os._exit(1)  # it ended before the call above
    if sandbox := rights.get("sandbox"):
        _restrict(libc, sandbox)


def adopt_orphans() -> None:
    """Become the parent of each descendant whose parent ends, whatever its session, so that none gets lost (Linux)."""
    if (libc := _libc()) is not None:
        _ask(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "child subreaper")


def landlock_version() -> int:
    """Return the version of Landlock that the kernel offers, 0 when there is none or it is switched off."""
    libc = _libc()
    return max(0, libc.syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)) if libc is not None else 0


def _restrict(libc: ctypes.CDLL, sandbox: dict[str, Any]) -> None:
    """Restrict this process and its descendants by Landlock, as far as the version of the kernel goes.

    They can read, and execute, what is "readable", and also write what is "writable"; they can bind TCP to "ports"
    alone (version 4), and neither send signals nor connect to abstract sockets outside of themselves (version 6).
    Of paths that end in `*` those with that beginning are meant. Paths that do not exist count for nothing.
    """
    import ctypes

    version = sandbox["version"]
    files = (1 << min(12 + version, 15)) - 1  # version 2 adds the renaming between folders, version 3 truncation
    handled = [files, _BIND_TCP if version >= 4 else 0, _ABSTRACT_SOCKETS | _SIGNALS if version >= 6 else 0]
    attributes = (ctypes.c_uint64 * 3)(*handled)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0)
    _ask(min(ruleset, 0), "Landlock")
    for names, access in ((sandbox["readable"], _READ), (sandbox["writable"], files & ~_DEVICES)):
        for path in (path for name in names for path in _matches(name)):
            _allow(libc, ruleset, path, access & files)
    for port in sandbox["ports"] if version >= 4 else ():
        rule = (ctypes.c_uint64 * 2)(_BIND_TCP, port)
        _ask(libc.syscall(_ADD_RULE, ruleset, _TCP_PORT, ctypes.byref(rule), 0), f"port {port}")
    _ask(libc.syscall(_RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    import ctypes
    import stat
    import struct

    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # the program cannot reach it either
    if not stat.S_ISDIR(os.fstat(place).st_mode):
        access &= _OF_FILES
    rule = ctypes.create_string_buffer(struct.pack("=Qi", access, place))
    _ask(libc.syscall(_ADD_RULE, ruleset, _BELOW_PATH, rule, 0), path)
    os.close(place)


def _matches(name: str) -> list[str]:
    """Return a path, or the paths in its folder that begin with what stands before its `*`."""
    if not name.endswith("*"):
        return [name]
    folder, _, beginning = name[:-1].rpartition("/")
    return [f"{folder}/{entry}" for entry in os.listdir(folder) if entry.startswith(beginning)]


def _libc() -> ctypes.CDLL | None:
    if sys.platform != "linux":
        return None
    import ctypes  # here: not each process that imports this module needs it

    return ctypes.CDLL(None, use_errno=True)


def _ask(answer: int, what: str) -> None:
    import ctypes

    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _enter_user_namespace(libc: ctypes.CDLL) -> None:
    """Become able to mount, in a user namespace in which the user stays who it is; the exec takes that away again."""
    user, group = os.geteuid(), os.getegid()
    _ask(libc.unshare(_CLONE_NEWUSER), "user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _hide(libc: ctypes.CDLL, hidden: list[str], shown: list[str]) -> None:
    """Mount empty folders over `hidden`, in a mount namespace of its own, and bind-mount `shown` into them."""
    _ask(libc.unshare(_CLONE_NEWNS), "mount namespace")
    # Mounts propagate from the host into this namespace, so that nothing is kept mounted, but not back.
    _mount(libc, "none", "/", _MS_REC | _MS_SLAVE)
    hidden = [folder for folder in hidden if folder not in shown]
    roots = [root for root in hidden if not any(is_below(root, other) for other in hidden if other != root)]
    mounts = [path for path in shown if any(is_below(path, root) for root in roots)]
    mounts = [path for path in mounts if not any(is_below(path, other) for other in mounts if other != path)]
    # Opened before they are covered, since their paths lead nowhere afterwards.
    sources = {path: os.open(path, os.O_PATH) for path in mounts}
    for root in roots:
        _mount(libc, "tmpfs", root, _MS_NOSUID | _MS_NODEV, "tmpfs", _TMPFS_OPTIONS)
    for path, source in sources.items():
        _make_place(path, is_folder=os.path.isdir(f"/proc/self/fd/{source}"))
        _mount(libc, f"/proc/self/fd/{source}", path, _MS_BIND | _MS_REC)
        os.close(source)


def _mount(libc: ctypes.CDLL, source: str, target: str, flags: int, kind: str = "", options: bytes = b"") -> None:
    answer = libc.mount(os.fsencode(source), os.fsencode(target), kind.encode() or None, flags, options or None)
    _ask(answer, target)


def _make_place(path: str, *, is_folder: bool) -> None:
    """Create the file or folder that a path is mounted on; its parents may be traversed by all users."""
    mask = os.umask(0o022)
    try:
        os.makedirs(path if is_folder else os.path.dirname(path), mode=0o755, exist_ok=True)
        if not is_folder:
            with open(path, "w"):
                pass
    finally:
        os.umask(mask)


def is_below(path: str, folder: str) -> bool:
    """Return whether a path is a folder or lies in it; both are absolute, without links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


if __name__ == "__main__":
    import json

    trial = json.load(sys.stdin)
    enter(trial["rights"], os.getppid())
    os.chdir("/")
    os.execve(trial["command"][0], trial["command"], {"PATH": os.defpath})  # noqa: S606  argv only, never a shell
