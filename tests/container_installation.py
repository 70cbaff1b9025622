"""A whole installation with a connection to the engine of the tests, used as a client of the AI API uses it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3

from deployments.runtimes.containers import labels
from tests.engine import PASSWORD, USER, Engine, client_of
from tests.person import Caller, path_of
from tests.runtimes.engine_machine import remove_everything
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

GROUP, CONNECTION = "containers", "engine"
GRACE_SECONDS = "2"  # many a server of the templates knows no SIGTERM
MORE_THAN_THERE_IS = {"cpu": 64, "memory_gb": 256}  # nothing waits for capacity
RUN_SECONDS = 90.0  # until a deployment runs, on a busy machine
FOLDER = Path(__file__).parent / "serving_template" / "templates"
TEMPLATES = sorted(FOLDER.glob("*.yaml"))
_SETUP = """
from pathlib import Path
from deployments.bootstrap import seed
from deployments.operations.connections import create_connection
from deployments.operations.resource_groups import create_resource_group
from deployments.operations.templates import import_templates
connection = create_connection(
    seed.ACTOR, name={connection!r}, kind="containers", options={options!r}, secrets={{}})
create_resource_group(seed.ACTOR, {group!r}, labels={{}}, connection=connection)
for path in map(Path, {paths!r}):
    import_templates(seed.ACTOR, path.read_text(), filename=path.name)
print(connection.pk)
"""


class ContainerInstallation:
    """An installation, its engine, and what a client does there in one resource group.

    Args:
        folder: of the installation's files that artifacts may be taken from.
    """

    def __init__(self, stack: Stack, engine: Engine, folder: Path) -> None:
        self.stack, self.engine, self.folder = stack, engine, folder
        self.connection = ""
        self._caller: Caller | None = None
        self._calls = 0

    def set_up(self, *templates: Path, **options: Any) -> None:
        """Add the connection, a resource group on it, and templates."""
        options = {"address": self.engine.address, **MORE_THAN_THERE_IS, **options}
        code = _SETUP.format(
            connection=CONNECTION, group=GROUP, options=options, paths=[str(path) for path in templates]
        )
        self.connection = self.stack.manage("shell", "--no-imports", "-c", code).split()[-1]

    # --- the AI API ---------------------------------------------------------------------------------------------

    def api(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request that has to succeed and return its answer."""
        answer = self.stack.http.request(
            method,
            f"{self.stack.base_url}/v2/{path}",
            json=body,
            headers=self.caller.headers,
        )
        assert answer.status in {200, 201, 202}, (answer.status, answer.data)
        found: dict[str, Any] = answer.json()
        return found

    def registry_secret(self, registry: str) -> None:
        config = {"auths": {registry: {"username": USER, "password": PASSWORD}}}
        data = {".dockerconfigjson": json.dumps(config)}
        self.api("POST", "admin/dockerRegistrySecrets", {"name": "my-registry", "data": data})

    def secret(self, name: str, **values: str) -> None:
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        self.api("POST", "admin/secrets", {"name": name, "data": data})

    def artifact(self, scenario: str, content: str) -> str:
        """Register a file and return the artifact's id."""
        self._calls += 1
        path = self.folder / f"artifact-{self._calls}"
        path.write_text(content)
        body = {"name": path.name, "kind": "model", "url": f"file://{path}", "scenarioId": scenario}
        return str(self.api("POST", "lm/artifacts", body)["id"])

    def configuration(
        self, scenario: str, executable: str, artifacts: Mapping[str, str] | None = None, **parameters: str
    ) -> str:
        """Create a configuration and return its id."""
        body = {
            "name": executable,
            "executableId": executable,
            "scenarioId": scenario,
            "parameterBindings": [{"key": key, "value": value} for key, value in parameters.items()],
            "inputArtifactBindings": [{"key": key, "artifactId": pk} for key, pk in (artifacts or {}).items()],
        }
        return str(self.api("POST", "lm/configurations", body)["id"])

    def create(self, configuration: str) -> str:
        return str(self.api("POST", "lm/deployments", {"configurationId": configuration})["id"])

    def update(self, deployment: str, configuration: str) -> None:
        self.api("PATCH", f"lm/deployments/{deployment}", {"configurationId": configuration})

    def stop(self, *deployments: str) -> None:
        """Stop deployments and wait for their end."""
        self._change("STOPPED", deployments)
        for deployment in deployments:
            self.until(deployment, "STOPPED")

    def delete(self, *deployments: str) -> None:
        """Delete deployments and wait until they are gone."""
        self._change("DELETED", deployments)
        query = "SELECT count(*) FROM deployments_deployment WHERE id = ?"
        for pk in deployments:
            wait_until(lambda pk=pk: self.stack.rows(query, pk) == [(0,)], timeout=RUN_SECONDS, what=f"{pk} is gone")  # type: ignore[misc]

    def _change(self, target: str, deployments: tuple[str, ...]) -> None:
        items = [{"id": deployment, "targetStatus": target} for deployment in deployments]
        answers = self.api("PATCH", "lm/deployments", {"deployments": items})["deployments"]
        assert not [one for one in answers if one.get("error")], answers

    # --- what becomes of it -------------------------------------------------------------------------------------

    def until(self, deployment: str, status: str) -> dict[str, Any]:
        """Wait until a deployment has a status; return what the API says of it."""
        try:
            self.wait(deployment, status)
        except AssertionError as error:
            raise AssertionError(f"{error} {self.api('GET', f'lm/deployments/{deployment}')}") from error
        return self.api("GET", f"lm/deployments/{deployment}")

    def wait(self, deployment: str, status: str) -> None:
        """Wait until a deployment, of any resource group, has a status."""
        wait_until(
            lambda: self.stack.status(deployment) == status,
            timeout=RUN_SECONDS,
            what=f"{deployment} is {status}",
            pause=0.1,
        )

    @property
    def caller(self) -> Caller:
        """The program that sends these requests, with the one token that it has."""
        if self._caller is None:
            self._caller = Caller(self.stack)
            self._caller.headers["AI-Resource-Group"] = GROUP
        return self._caller

    def ask(self, deployment: str, path: str, body: object = None) -> urllib3.BaseHTTPResponse:
        """Send a GET, or a POST with a body, to a deployment's public URL."""
        with self.caller.pool() as pool:
            url = f"{path_of(deployment)}{path.lstrip('/')}"
            return pool.request("GET" if body is None else "POST", url, json=body, headers=self.caller.headers)

    def logs(self, deployment: str) -> list[str]:
        lines = self.api("GET", f"lm/deployments/{deployment}/logs")["data"]["result"]
        return [str(line["msg"]) for line in lines]

    def containers(self, deployment: str = "", *, everything: bool = False) -> list[str]:
        """Return the ids of the containers that run, of one deployment or of all of ours."""
        label = f"{labels.DEPLOYMENT}={deployment}" if deployment else labels.INSTALLATION
        with client_of(self.engine.address) as client:
            return sorted(one["Id"] for one in client.api.containers(all=everything, filters={"label": label}))

    def volumes(self) -> list[str]:
        with client_of(self.engine.address) as client:
            found = client.api.volumes(filters={"label": labels.INSTALLATION})["Volumes"] or ()
            return sorted(one["Name"] for one in found)


@contextmanager
def container_installation(
    engine: Engine, folder: Path, *templates: Path, **options: Any
) -> Iterator[ContainerInstallation]:
    """Start an installation with a connection to an engine, a resource group on it and templates; leave nothing."""
    try:
        with running_stack(LAUNCHPAD_FILE_ROOTS=str(folder), LAUNCHPAD_GRACE_SECONDS=GRACE_SECONDS) as stack:
            installation = ContainerInstallation(stack, engine, folder)
            installation.set_up(*templates, **options)
            yield installation
    finally:
        remove_everything(engine)
