"""A container engine for tests: a Podman of their own, with its own storage, network and socket, gone afterwards."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException

from tests.environment import free_port
from tests.waiting import wait_until

IMAGE = "launchpad-test/busybox:1"
USER, PASSWORD = "puller", "correct-horse"
_BCRYPT = "$2b$05$RJkBu3r3o24ijUi3nFRRiultqJG5UKydjgxx6Y5VOSZPIxpaJzwT."  # of PASSWORD
_PROGRAMS = ("sh", "sleep", "httpd", "echo", "cat", "wget", "id", "mount", "mkdir", "touch", "ls", "dd", "head")
_MORE_PROGRAMS = ("tail", "env", "hostname", "chown", "mknod", "kill", "wc", "ps", "seq", "nc", "true", "readlink")
_SECONDS = 20.0  # until an engine or a registry answers, on a busy machine
_RULES_LOCK = Path(tempfile.gettempdir()) / "launchpad-test-netavark.lock"
_CONFIG = """
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""


class NoEngine(Exception):
    """There is none to be had on this machine; the message is a sentence that says why."""


class Engine:
    """One Podman with a folder of its own, served at a socket in it.

    Args:
        folder: short, as the path of a socket may have 108 characters at most.
        subnet: third number of the addresses of its containers: two engines must not give the same ones.
    """

    def __init__(self, folder: Path, subnet: int) -> None:
        self.folder = folder
        self.socket = folder / "podman.sock"
        self.address = f"unix://{self.socket}"
        self._interface = f"lptest{subnet}"
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(folder),
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
        }
        (folder / "networks").mkdir()
        (folder / "containers.conf").write_text(_CONFIG.format(folder=folder))
        (folder / "registries.conf").write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
        network = {
            "name": "podman",
            "id": uuid.uuid4().hex * 2,
            "driver": "bridge",
            "network_interface": self._interface,
            "created": "2026-01-01T00:00:00Z",
            "subnets": [{"subnet": f"10.249.{subnet}.0/24", "gateway": f"10.249.{subnet}.1"}],
            "ipv6_enabled": False,
            "internal": False,
            "dns_enabled": False,
            "ipam_options": {"driver": "host-local"},
        }
        (folder / "networks" / "podman.json").write_text(json.dumps(network))
        # Podman holds it while it changes the rules of iptables, which the engines of all processes of tests share.
        (folder / "networks" / "netavark.lock").symlink_to(_RULES_LOCK)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def command(self, *arguments: str) -> list[str]:
        """Return a podman command on this engine, as a person would give it."""
        folders = ("root", "run", "tmp")
        root, run, tmp = (str(self.folder / name) for name in folders)
        return ["podman", "--root", root, "--runroot", run, "--tmpdir", tmp, *arguments]

    def podman(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run podman beside the service, e.g. `run` as a person would."""
        return subprocess.run(
            self.command(*arguments), env=self._environment, capture_output=True, text=True, timeout=120, check=False
        )

    def start(self) -> None:
        """Serve the API; returns when it answers."""
        self.socket.unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            command = self.command("system", "service", "--time=0", self.address)
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

        def answers() -> bool:
            if self._process is None or self._process.poll() is not None:
                said = (self.folder / "log").read_text().strip().splitlines() or ["nothing"]
                raise NoEngine(f"Podman ended and said: {said[-1]}")
            try:
                with client_of(self.address) as client:
                    return bool(client.ping())
            except (DockerException, OSError):
                return False

        wait_until(answers, timeout=_SECONDS, what="the engine answers")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the service, as a restart of the machine's engine does: containers run on."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_SECONDS)
            self._process = None

    def end(self) -> None:
        """Remove containers, volumes, mounts and the folder."""
        self.podman("rm", "--all", "--force", "--time=0", "--volumes")
        self.stop(signal.SIGKILL)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in reversed([one for one in mounts if one.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self._interface], check=False, capture_output=True)
        shutil.rmtree(self.folder)


@contextmanager
def client_of(address: str) -> Iterator[docker.DockerClient]:
    """Give a client for what tests do to an engine beside the driver."""
    client = docker.DockerClient(base_url=address, version="1.41", timeout=60)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def running_engine() -> Iterator[Engine]:
    """Start an engine with the test image, and leave nothing of it.

    Raises:
        NoEngine: none can be had here.
    """
    missing = [program for program in ("podman", "runc", "iptables", "busybox") if not _which(program)]
    if missing:
        raise NoEngine(f"There is no {', '.join(missing)} here: .ci/run installs what containers need.")
    if os.geteuid() != 0:
        raise NoEngine("The engine of the tests needs root.")
    folder = Path(tempfile.mkdtemp(prefix="lpe-", dir="/tmp"))
    engine = Engine(folder, subnet=os.getpid() % 250 + 1)
    try:
        engine.start()
        with client_of(engine.address) as client:
            import_image(client)
        tried = engine.podman("run", "--rm", "--memory=64m", "--publish=127.0.0.1::80", IMAGE, "/bin/true")
        if tried.returncode:
            raise NoEngine(f"Podman cannot run a container here: {tried.stderr.strip().splitlines()[-1]}")
        yield engine
    finally:
        engine.end()


def _which(program: str) -> str | None:
    return shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")


_open = ExitStack()


@cache
def _engine() -> Engine | str:
    """Return the engine of this process, or why there is none: a module that skips must not try again."""
    try:
        return _open.enter_context(running_engine())
    except NoEngine as none:
        return str(none)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Give the engine of this process of tests; skip, with a sentence, where there is none."""
    found = _engine()
    if isinstance(found, str):
        pytest.skip(found)
    yield found
    _open.close()
    _engine.cache_clear()


def import_image(
    client: docker.DockerClient, name: str = IMAGE, *, platform: str | None = None, **changes: object
) -> str:
    """Make an image of a static busybox, without any registry; return its id.

    Args:
        changes: instructions of a Dockerfile as keywords, e.g. `user="1000"`.
    """
    repository, _, tag = name.rpartition(":")
    lines = [
        f"{key.upper()} {value if isinstance(value, str) else json.dumps(value)}" for key, value in changes.items()
    ]
    dockerfile = "\n".join(["FROM scratch", "ADD root.tar /", "ENV PATH=/bin", *lines, ""])
    context = tar({"Dockerfile": dockerfile.encode(), "root.tar": busybox_tar()})
    said = list(
        client.api.build(
            fileobj=io.BytesIO(context),
            custom_context=True,
            tag=f"{repository}:{tag}",
            decode=True,
        )
    )
    errors = [str(line["error"]) for line in said if "error" in line]
    assert not errors, errors
    identity = client.api.inspect_image(name)["Id"]
    return str(identity)


@cache
def busybox_tar() -> bytes:
    """Return the root folder of the test image."""
    busybox = Path(_which("busybox") or "").read_bytes()
    users = b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
    links = {f"bin/{name}": "busybox" for name in (*_PROGRAMS, *_MORE_PROGRAMS)}
    return tar(
        {"bin/busybox": busybox, "etc/passwd": users, "www/index.html": b"hello\n"},
        folders=("bin", "etc", "tmp", "www", "proc", "sys", "dev"),
        links=links,
    )


def tar(files: Mapping[str, bytes], folders: Sequence[str] = (), links: Mapping[str, str] | None = None) -> bytes:
    """Return an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in folders:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


_REGISTRY = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/storage}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
"""


@contextmanager
def running_registry() -> Iterator[str]:
    """Start a registry that asks for USER and PASSWORD; give its address.

    Raises:
        NoEngine: there is no program for it here.
    """
    if not _which("docker-registry"):
        raise NoEngine("There is no docker-registry here: .ci/run installs it.")
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "htpasswd").write_text(f"{USER}:{_BCRYPT}\n")
        (folder / "config.yml").write_text(_REGISTRY.format(folder=folder, port=port))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                ["docker-registry", "serve", str(folder / "config.yml")], stdout=log, stderr=log, cwd=folder
            )
        try:
            wait_until(lambda: _listens(port), timeout=_SECONDS, what="the registry listens")
            yield f"127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait(_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def push(engine: Engine, registry: str, name: str, source: str = IMAGE) -> str:
    """Put an image into the registry and forget it here; return its name there."""
    there = f"{registry}/{name}"
    with client_of(engine.address) as client:
        repository, _, tag = there.rpartition(":")
        client.api.tag(source, repository, tag)
        for line in client.api.push(
            repository, tag, stream=True, decode=True, auth_config={"username": USER, "password": PASSWORD}
        ):
            assert "error" not in line, line
        client.api.remove_image(there, force=True)
    return there
