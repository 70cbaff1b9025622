"""A model server that tries what an editor of another resource group may try, and tells how far it got."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from deployments.runtimes.preparation.sandbox import SandboxSettings
from tests.runtimes.machine import PYTHON, Machine
from tests.waiting import wait_until

SECRET = "the key of all secrets"
REFUSED = {"PermissionError", "FileNotFoundError"}  # the latter where the folder is hidden, too
ATTACKS = {
    "reads a key": "open(HOME + '/secrets-key').read()",
    "writes the database": "open(HOME + '/launchpad.sqlite3', 'r+').write('x')",
    "empties the database": "os.truncate(HOME + '/launchpad.sqlite3', 0)",
    "removes the database": "os.unlink(HOME + '/launchpad.sqlite3')",
    "puts a file beside it": "open(HOME + '/new', 'w')",
    "finds a key": "os.stat(HOME + '/secrets-key')",
    "opens a key for others": "os.chmod(HOME + '/secrets-key', 0o666)",
    "calls a socket of Launchpad": "socket.socket(socket.AF_UNIX).connect(HOME + '/control.sock')",
    "lists the home": "os.listdir(HOME)",
    "reads the environment of another server": "open(f'/proc/{VICTIM}/environ').read()",
    "reads the files of another server": "os.listdir(f'/proc/{VICTIM}/cwd/')",
    "reads the memory of another server": "open(f'/proc/{VICTIM}/mem', 'rb').read(1)",
    "reads the environment of Launchpad": "open(f'/proc/{LAUNCHPAD}/environ').read()",
    "reads open files of Launchpad": "os.readlink(f'/proc/{LAUNCHPAD}/fd/0')",
    "signals another server": "os.kill(VICTIM, 0)",
    "signals Launchpad": "os.kill(LAUNCHPAD, 0)",
    "takes a port of other servers": "bind(FREE)",
    "shares the port of another server": "bind(TAKEN, socket.SO_REUSEPORT)",
    "calls an abstract socket of Launchpad": "socket.socket(socket.AF_UNIX).connect(chr(0) + ABSTRACT)",
}
NEEDS = {  # what servers do, which goes on working
    "its own port": "bind(int(os.environ['PORT']))",
    "a port for itself": "bind(0)",
    "files of its own": "open('b', 'w').write('x'); os.mkdir('a'); os.rename('b', 'a/b'); os.truncate('a/b', 0)",
    "a temporary file": "tempfile.TemporaryFile().write(b'x')",
    "a file of the system": "open('/etc/passwd').read()",
    "a program of the system": "subprocess.run(['/bin/sh', '-c', 'ls / 2>/dev/null > /dev/null'], check=False)",
    "what is random": "open('/dev/urandom', 'rb').read(1)",
    "its standard error": "open('/dev/stderr', 'w').write('x')",
    "facts of the machine": "open('/proc/meminfo').read(); open('/proc/self/maps').read()",
    "shared memory": "multiprocessing.Lock().acquire(); shared_memory.SharedMemory(create=True, size=1).unlink()",
    "a signal to a child": "child = subprocess.Popen(['sleep', '600']); child.kill(); child.wait()",
}
_PROGRAM = """
import json, multiprocessing, os, socket, subprocess, tempfile
from multiprocessing import shared_memory
facts, tries = json.loads(os.environ["FACTS"]), json.loads(os.environ["TRIES"])
def bind(port, option=socket.SO_REUSEADDR):
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, option, 1)
    one.bind(("127.0.0.1", port))
def answer(code):
    try:
        exec(code, {**globals(), **facts})
    except OSError as error:
        return type(error).__name__
    return "done"
print(json.dumps({name: answer(code) for name, code in tries.items()}))
"""
_VICTIM = """
import os, socket
one = socket.socket()
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
one.bind(("127.0.0.1", int(os.environ["PORT"])))
one.listen()
print("listens")
while True:
    one.accept()[0].close()
"""


def outcomes(machine: Machine) -> dict[str, str]:
    """Let a server try everything while another one runs; return for each try `done` or the error."""
    for name in ("secrets-key", "launchpad.sqlite3"):
        (machine.home / name).write_text(SECRET)
        (machine.home / name).chmod(0o666)  # so that its own rights are not what keeps it
    victim, attacker = machine.name, f"{machine.id}-1-1"
    machine.start_python(_VICTIM, name=victim, env={"OTHERS": "secret"})
    machine.until_said("listens")
    with socket.socket(socket.AF_UNIX) as abstract, socket.socket(socket.AF_UNIX) as control:
        abstract.bind(f"\0launchpad-{machine.id}")
        control.bind(str(machine.home / "control.sock"))
        (machine.home / "control.sock").chmod(0o777)
        for ours in (abstract, control):
            ours.listen()
        facts = {
            "HOME": str(machine.home),
            "VICTIM": machine.pid("server"),
            "LAUNCHPAD": os.getpid(),
            "TAKEN": machine.port(),
            "FREE": next(port for port in (32_766, 32_767) if port != machine.port()),
            "ABSTRACT": f"launchpad-{machine.id}",
        }
        env = {"FACTS": json.dumps(facts), "TRIES": json.dumps(ATTACKS | NEEDS)}
        machine.start(PYTHON, "-I", "-S", "-c", _PROGRAM, name=attacker, env=env)
        machine.ended(attacker)
    said = [line.text for line in machine.logs() if line.stream == "stdout" and line.replica == attacker]
    assert said, [line.text for line in machine.logs()]
    machine.stop(victim)
    wait_until(lambda: machine.seen(victim).exit is not None, what="the other server has ended")
    found: dict[str, str] = json.loads(said[-1])
    return found


def found_by_build(machine: Machine, requirement: str) -> dict[str, Any]:
    """Let a server ask for the hostile package; return what that has found while it was built."""
    (machine.home / "secrets-key").write_text(SECRET)
    report = "import json, hostile; print(json.dumps(hostile.FOUND))"
    machine.start("python", "-c", report, requirements=[requirement])
    machine.ended(timeout=60)
    assert machine.lines(), [line.text for line in machine.logs()]
    found: dict[str, Any] = json.loads(machine.lines()[-1])
    return found


def main(home: str, level: str, requirement: str) -> None:
    """Write what was found as JSON to stdout, as whoever runs this."""
    folders = (Path(home).parent,)
    machine = Machine(Path(home), sandbox=SandboxSettings(level=level, folders=folders))
    found = found_by_build(machine, requirement) if requirement else outcomes(machine)
    sys.stdout.write(json.dumps(found))
    machine.end()
