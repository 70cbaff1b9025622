"""A small real world for the reconciler: the local runtime, a real gateway, real servers, and explicit reconciles."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import urllib3
from django.conf import settings
from django.utils import timezone

from deployments import operations, reconciler
from deployments.auth import tokens
from deployments.lifecycle import ReplicaPhase, Status
from deployments.models import Actor, Configuration, Connection, Deployment, Executable, Replica, ResourceGroup, Role
from deployments.runtimes.base import Runtime
from deployments.runtimes.fake.engine import Engine, engine
from deployments.runtimes.local.options import everything_here
from deployments.runtimes.registry import runtime_for
from tests.factories import make_connection, make_group, make_plan
from tests.waiting import wait_until

CATALOG = Path(settings.BASE_DIR) / "deployments" / "bootstrap" / "catalog"
ACTOR = Actor(name="tester", role=Role.ADMINISTRATOR)
PLANS = {"nano": (100, 128_000_000), "tiny": (250, 512_000_000), "huge": (1000, 900_000_000_000)}


def due() -> list[str]:
    """Look at all connections and sweep, in this thread; return the ids of the deployments to reconcile."""
    looked = [pk for connection in Connection.objects.all() for pk in reconciler.observe_connection(connection.pk)]
    return list(dict.fromkeys([*looked, *(pk for _, pk in reconciler.sweep())]))


class World:
    """What a test needs to ask for deployments and to see what becomes of them."""

    def __init__(self, group: ResourceGroup | None = None) -> None:
        for name, (cpu, memory) in PLANS.items():
            make_plan(name, cpu_millis=cpu, memory_bytes=memory)
        self.group = group or make_group()
        self.executable = self.custom_server()

    def custom_server(self, *notes: str) -> Executable:
        """Import the template of a custom server.

        Args:
            notes: lines of annotations to add, e.g. "launchpad/drain-seconds: 600".
        """
        before = "    launchpad/split-arguments:"
        text = (CATALOG / "custom-server.yaml").read_text()
        text = text.replace(before, "".join(f"    {note}\n" for note in notes) + before)
        return operations.import_templates(ACTOR, text)[0].executable

    def configure(self, name: str = "hello", **parameters: str) -> Configuration:
        return operations.create_configuration(
            ACTOR, self.group, self.executable, name=name, parameters=parameters, inputs={}
        )

    def configure_command(self, name: str, *command: str, **parameters: str) -> Configuration:
        return self.configure(name, command=json.dumps(list(command)), **parameters)

    def deploy(self, configuration: Configuration | None = None, *, ttl: str = "") -> Deployment:
        return operations.create_deployment(ACTOR, self.group, configuration or self.configure(), ttl=ttl)

    def passes(self) -> None:
        """Make the passes that are due; pauses before a restart are travelled over."""
        now = timezone.now()
        for replica in Replica.objects.filter(restart_at__gt=now):
            Replica.objects.filter(pk=replica.pk).update(restart_at=now)
        for pk in due():
            reconciler.reconcile(pk)

    def until(self, condition: Callable[[], object], what: str, timeout: float = 20) -> None:
        def look() -> bool:
            self.passes()
            return bool(condition())

        wait_until(look, timeout=timeout, what=what)

    def until_status(self, deployment: Deployment, status: Status, timeout: float = 20) -> Deployment:
        self.until(lambda: self.status(deployment) == status, f"{deployment.pk} is {status}", timeout)
        deployment.refresh_from_db()
        return deployment

    def status(self, deployment: Deployment) -> str | None:
        return Deployment.objects.filter(pk=deployment.pk).values_list("status", flat=True).first()

    def alive(self, deployment: Deployment) -> list[str]:
        """Return the names of the deployment's servers that live."""
        found = self.runtime.get(deployment.pk, probe=False)
        return [one.name for one in found if one.phase is not ReplicaPhase.EXITED]

    @property
    def runtime(self) -> Runtime:
        return runtime_for(self.group.connection)

    def server_pid(self, name: str) -> int:
        return self._pid(name, "server")

    def shim_pid(self, name: str) -> int:
        """Return the pid of the process beside a server."""
        return self._pid(name, "shim")

    def _pid(self, name: str, of: str) -> int:
        """Return a pid of the last attempt, once there is one."""

        def find() -> int:
            states = sorted((Path(settings.LAUNCHPAD_HOME) / "replicas" / name).glob("attempt-*/state.json"))
            pid, _ = json.loads(states[-1].read_text()).get(of, (0, ""))
            return int(pid)

        return wait_until(find, what=f"the {of} of {name} has a pid")

    def specs(self, deployment: Deployment) -> list[Path]:
        """Return the files that say what its servers are to run."""
        return sorted((Path(settings.LAUNCHPAD_HOME) / "replicas").glob(f"{deployment.pk}-*/attempt-*/spec.json"))

    def ask(
        self, deployment: Deployment, path: str = "/", *, client_id: str = "tester", timeout: float = 5
    ) -> tuple[int, bytes]:
        """Send a request through the gateway as a client does."""
        home = Path(settings.LAUNCHPAD_HOME)
        token = tokens.issue(
            subject="tester", client_id=client_id, resource_groups=None, role="editor", lifetime_seconds=60
        )
        url = f"https://localhost:{settings.LAUNCHPAD_GATEWAY_PORT}/v2/inference/deployments/{deployment.pk}{path}"
        with urllib3.PoolManager(ca_certs=str(home / "tls" / "ca.pem"), retries=False) as pool:
            answer = pool.request("GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=timeout)
        return answer.status, answer.data

    def end(self) -> None:
        """Leave no server behind."""
        runtime = everything_here()
        for one in runtime.list_all():
            runtime.stop(one.name, one.attempt)
        wait_until(
            lambda: all(one.phase is ReplicaPhase.EXITED for one in runtime.list_all()),
            timeout=15,
            what="all servers ended",
        )
        for one in runtime.list_all():
            runtime.delete(one.name)


class FakeWorld(World):
    """The same on the runtime in memory: real rows, passes and gateway, and servers that do at once what they do.

    Args:
        port: of the server that answers for all of them.
        options: more options of the connection, e.g. its variant.
    """

    def __init__(self, port: int, *, kind: str = "fake", **options: str) -> None:
        name = uuid.uuid4().hex
        connection = make_connection(kind, kind=kind, options={"engine": name, "port": port, **options})
        super().__init__(make_group("on-fake", connection=connection))
        self.engine: Engine = engine(name)

    def end(self) -> None:
        """Nothing of it outlives the process."""
