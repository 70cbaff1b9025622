"""A whole installation in a folder of its own, started the way a user starts it, for tests that need all of it."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import urllib3
from supervisor.xmlrpc import SupervisorTransport

from launchpad import gateway_keeper
from launchpad.home import BASE_DIR
from launchpad.leftovers import MARK, marked
from tests.waiting import wait_until

READY_SECONDS = 60.0
STOP_SECONDS = 60.0


@contextmanager
def running_stack(*, is_first: bool = False, **env: str) -> Iterator[Stack]:
    """Start an installation in a new folder; stop it and remove the folder at the end.

    Args:
        is_first: whether it makes its own tables, too, which takes as long as all else of the first start.
        env: settings beside home and ports, e.g. LAUNCHPAD_SAMPLES="1" (they are off by default).
    """
    stack = Stack(env=env)
    if not is_first:
        shutil.copy2(_empty_database(), stack.home)
    try:
        stack.start()
        yield stack
    finally:
        stack.close()


@cache
def _empty_database() -> Path:
    """Return a database with tables and without rows, made once."""
    home = Path(tempfile.mkdtemp(prefix="launchpad-tables-"))
    atexit.register(shutil.rmtree, home)
    Stack(home).manage("migrate", "--verbosity=0")
    return home / "launchpad.sqlite3"


class Stack:
    """One installation. Nothing is started until `start()`.

    Args:
        home: its folder, a new one when left out (short, for the sockets in it).
        env: settings beside home and ports.
        root: the checkout that is run; it may be set again while nothing runs.
    """

    def __init__(
        self, home: Path | None = None, *, env: Mapping[str, str] | None = None, root: Path = BASE_DIR
    ) -> None:
        self.root = root
        self._owned = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="launchpad-"))
        self.port, self.gateway_port = free_ports(2)
        self.base_url = f"http://localhost:{self.port}"
        self.gateway_url = f"https://localhost:{self.gateway_port}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAUNCHPAD_", "DJANGO_", "PYTEST_"))}
        for name in ("DATABASE_URL", "BROKER_URL", "MAKELEVEL", MARK):
            kept.pop(name, None)
        self.env = kept | {
            "LAUNCHPAD_HOME": str(self.home),
            "LAUNCHPAD_PORT": str(self.port),
            "LAUNCHPAD_GATEWAY_PORT": str(self.gateway_port),
            "LAUNCHPAD_SAMPLES": "0",
            **(env or {}),
        }
        self.up: subprocess.Popen[bytes] | None = None
        self._terminal = Path(tempfile.mkdtemp(prefix="launchpad-terminal-")) / "output"
        self.http = urllib3.PoolManager(retries=False, timeout=20)

    def launch(self, *before: str, program: Sequence[str] = ("-m", "launchpad.up")) -> None:
        """Run `make up`'s program without waiting.

        Args:
            before: a command that runs it, e.g. `nohup`.
            program: what Python is to run instead.
        """
        with self._terminal.open("ab") as output:
            self.up = subprocess.Popen(
                [*before, sys.executable, *program],
                cwd=self.root,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                # Whoever runs the tests may ignore it, as nohup does, which children inherit.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )

    def start(self) -> None:
        """Run it and wait until everything answers and the banner is shown."""
        shown = self.output.count("Sign in")
        self.launch()
        wait_until(
            lambda: self.output.count("Sign in") > shown or not self.is_running,
            timeout=READY_SECONDS,
            what=f"the banner is shown in {self.output!r}",
        )
        assert self.is_running, self.output

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal to the foreground process, as a terminal does, and return its exit code."""
        assert self.up is not None
        self.up.send_signal(number)
        return self.up.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """`kill -9` of every process of Launchpad; model servers are not among them."""
        for process in self.all_processes():
            _kill(process)
        if self.up is not None:
            self.up.wait(timeout=STOP_SECONDS)
        wait_until(lambda: not self.all_processes(), what="all processes are gone")

    def close(self) -> None:
        """End it whatever its state, model servers too, and remove its folder."""
        has_stopped = self.is_running and self.stop() == 0  # its model servers, too
        self.kill()
        if (self.home / "run" / "supervisord.conf").exists() and (not has_stopped or self.model_servers()):
            self.manage("stop_replicas")
        shutil.rmtree(self._terminal.parent)
        if self._owned:
            shutil.rmtree(self.home)

    @property
    def is_running(self) -> bool:
        """Whether the foreground process lives."""
        return self.up is not None and self.up.poll() is None

    @property
    def output(self) -> str:
        """All that the terminal has shown."""
        return self._terminal.read_text() if self._terminal.exists() else ""

    @property
    def sign_in_url(self) -> str:
        """The one-time link that was shown last."""
        return str(re.findall(r"Sign in\s+(\S+)", self.output)[-1])

    def programs(self) -> dict[str, dict[str, Any]]:
        """Return what the supervisor says of each program: `statename`, `pid`, ...; nothing when it is not there."""
        try:
            programs: Any = self.supervisor().getAllProcessInfo()
        except OSError:
            return {}
        return {info["name"]: info for info in programs}

    def supervisor(self) -> Any:
        """Return what calls the supervisor, e.g. `stopProcess(name)`, which keeps a program away."""
        transport = SupervisorTransport(None, None, f"unix://{self.home}/run/supervisor.sock")
        return xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor

    def process(self, name: str) -> psutil.Process:
        """Return the process of a program (valkey, gateway, web, worker), once it has one."""
        return psutil.Process(wait_until(lambda: self.pid(name), what=f"{name} has a process"))

    def pid(self, name: str) -> int:
        """Return the process id of a program, 0 when it has none. Of the gateway it is HAProxy's, not its keeper's."""
        if name == "gateway":
            return gateway_keeper.master_pid(self.home)
        return int(self.programs().get(name, {}).get("pid", 0))

    def all_processes(self) -> list[psutil.Process]:
        """Return every process of Launchpad, the foreground one first."""
        found = [psutil.Process(self.up.pid)] if self.up is not None and self.up.poll() is None else []
        for process in [*marked(str(self.home)), *marked(str(self.home), gateway_keeper.MARK)]:
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def health(self) -> int:
        """Return the status of /healthz, 0 when nobody answers."""
        try:
            return self.http.request("GET", f"{self.base_url}/healthz").status
        except urllib3.exceptions.HTTPError:
            return 0

    def sign_in(self) -> urllib3.HTTPHeaderDict:
        """Sign in with the administrator's password; return the headers that carry the session and its CSRF token."""
        page = self.http.request("GET", f"{self.base_url}/sign-in/")
        match = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page.data)
        assert match, page.data
        jar = _cookies(page)
        body = urlencode(
            {
                "username": "admin",
                "password": (self.home / "admin-password").read_text().strip(),
                "csrfmiddlewaretoken": match[1].decode(),
            }
        )
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": _cookie_line(jar),
            "Referer": f"{self.base_url}/sign-in/",
        }
        answer = self.http.request("POST", f"{self.base_url}/sign-in/", body=body, headers=headers, redirect=False)
        assert answer.status == 302, answer.data
        jar |= _cookies(answer)
        return urllib3.HTTPHeaderDict(
            {"Cookie": _cookie_line(jar), "X-CSRFToken": jar["launchpad_csrf"], "Referer": self.base_url}
        )

    def service_key(self) -> dict[str, Any]:
        """Return the key for programs that the first start has made."""
        key: dict[str, Any] = json.loads((self.home / "service-key.json").read_text())
        return key

    def token(self) -> str:
        """Return an access token of the service key."""
        key = self.service_key()
        answer = self.http.request(
            "POST",
            f"{self.base_url}/oauth/token",
            fields={"grant_type": "client_credentials"},
            encode_multipart=False,
            headers=urllib3.make_headers(basic_auth=f"{key['clientid']}:{key['clientsecret']}"),
        )
        assert answer.status == 200, answer.data
        token: str = answer.json()["access_token"]
        return token

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Read the database (SQLite) beside everything else that uses it."""
        with closing(sqlite3.connect(f"file:{self.home}/launchpad.sqlite3?mode=ro", uri=True)) as connection:
            return connection.execute(query, values).fetchall()

    def deploy(self, executable: str = "custom-server", **parameters: str) -> str:
        """Create a configuration and a deployment of it, and return the deployment's id."""
        code = (
            "from deployments import operations\n"
            "from deployments.bootstrap import seed\n"
            "from deployments.models import Executable, ResourceGroup\n"
            "group = ResourceGroup.objects.get()\n"
            f"executable = Executable.objects.get(pk={executable!r})\n"
            "configuration = operations.create_configuration(\n"
            f"    seed.ACTOR, group, executable, name='test', parameters={parameters!r}, inputs={{}})\n"
            "print(operations.create_deployment(seed.ACTOR, group, configuration).pk)\n"
        )
        return self.manage("shell", "--no-imports", "-c", code).strip()

    def status(self, deployment_id: str) -> str:
        """Return a deployment's status as the database has it."""
        return str(self.rows("SELECT status FROM deployments_deployment WHERE id = ?", deployment_id)[0][0])

    def model_servers(self) -> dict[int, str]:
        """Return process id -> replica of every model server that runs, found by the folder it works in."""
        found = {}
        for process in psutil.process_iter():
            try:
                place = Path(process.cwd())
            except psutil.Error:
                continue
            if place.is_relative_to(self.home / "replicas") and process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = place.relative_to(self.home / "replicas").parts[0]
        return found

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` in this installation and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=self.env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=STOP_SECONDS,
        )
        return done.stdout


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _cookies(answer: urllib3.BaseHTTPResponse) -> dict[str, str]:
    pairs = [line.partition(";")[0].partition("=") for line in answer.headers.getlist("Set-Cookie")]
    return {name: value for name, _, value in pairs}


def _cookie_line(jar: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in jar.items())
