"""Somebody who works on the pages and asks again whenever no answer comes."""

from __future__ import annotations

from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import HTTPError

from tests.forms import hidden_fields
from tests.stack import Stack
from tests.waiting import wait_until

PATIENCE = 60.0  # seconds until the pages have to answer again

_HELLO = "python3 -m launchpad_model_servers.hello_server"
_CONFIGURATION = """
from deployments import operations
from deployments.bootstrap import seed
from deployments.models import Executable, ResourceGroup
group = ResourceGroup.objects.get(pk="default")
executable = Executable.objects.get(pk="custom-server")
for name, parameters in {wanted!r}.items():
    print(operations.create_configuration(
        seed.ACTOR, group, executable, name=name, parameters=parameters, inputs={{}}).pk)
"""


def make_configurations(stack: Stack, **wanted: dict[str, str]) -> dict[str, str]:
    """Make configurations of a custom server and return name -> id.

    Args:
        wanted: name -> parameters. Without a command it is a light server that has the name among its arguments.
    """
    parameters = {name: {"command": f"{_HELLO} {name}"} | values for name, values in wanted.items()}
    printed = stack.manage("shell", "--no-imports", "-c", _CONFIGURATION.format(wanted=parameters))
    return dict(zip(wanted, printed.split(), strict=True))


class Person:
    """One session on the pages of an installation."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._headers = stack.sign_in()

    def create(self, configuration: str) -> str:
        """Go through the wizard and return the id of the new deployment."""

        def ask() -> str:
            step = self._ask("GET", f"deployments/create/?configuration={configuration}")
            for entered in ({"kind": "standard"}, {"do": "create"}):
                page = step and self._ask("GET", step.headers["Location"].lstrip("/"))
                if not page:
                    return ""
                step = self._ask("POST", "deployments/create/", **hidden_fields(page.data.decode()), **entered)
            place = step.headers.get("Location", "") if step else ""
            return place.strip("/").removeprefix("deployments/") if "create" not in place else ""

        return wait_until(ask, timeout=PATIENCE, what="the deployment is created")

    def update(self, deployment: str, configuration: str, *, rollback_on_failure: bool = False) -> None:
        """Update, again and again while the page refuses it, as in the middle of another step."""
        fields = {"configuration": configuration} | ({"rollback_on_failure": "on"} if rollback_on_failure else {})
        expected = {"configuration_id": configuration.replace("-", ""), "target_status": "RUNNING"}
        self._until(f"deployments/{deployment}/update/", expected, **fields)

    def roll_back(self, deployment: str) -> None:
        """Press the button once."""
        assert self._ask("POST", f"deployments/{deployment}/roll-back/") is not None

    def stop(self, deployment: str) -> None:
        self._until(f"deployments/{deployment}/stop/", {"target_status": "STOPPED"})

    def delete(self, deployment: str) -> None:
        self._until(f"deployments/{deployment}/delete/", {"target_status": "DELETED"})

    def see(self, path: str) -> urllib3.BaseHTTPResponse:
        """Open a page."""
        return self._stack.http.request("GET", f"{self._stack.base_url}/{path}", headers=self._headers)

    def send(self, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """Send a form once and return the answer, whatever it is."""
        headers = self._headers.copy()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        url = f"{self._stack.base_url}/{path}"
        return self._stack.http.request("POST", url, body=urlencode(fields), headers=headers, redirect=False)

    def _until(self, path: str, expected: dict[str, str], **fields: str) -> None:
        """Send a form until the deployment is as expected, or does not exist any more."""
        deployment = path.split("/")[1]

        def asked() -> bool:
            if (answer := self._ask("POST", path, **fields)) is None:
                return False
            columns = ", ".join(expected)
            rows = self._stack.rows(f"SELECT {columns} FROM deployments_deployment WHERE id = ?", deployment)
            return answer.status == 404 or not rows or rows[0] == tuple(expected.values())

        wait_until(asked, timeout=PATIENCE, what=f"{path} is accepted", pause=0.1)

    def _ask(self, method: str, path: str, **fields: str) -> urllib3.BaseHTTPResponse | None:
        """Send a form; None when nobody answers it."""
        headers = self._headers.copy()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            answer = self._stack.http.request(
                method,
                f"{self._stack.base_url}/{path}",
                body=urlencode(fields),
                headers=headers,
                redirect=False,
                timeout=10,
            )
        except HTTPError:
            return None
        if answer.status in {502, 503}:  # the gateway's, in place of a web server that broke off or is away
            return None
        assert answer.status in {200, 302, 404, 422}, (answer.status, answer.data[:2000])
        return answer


class Caller:
    """A program that asks the model servers by their public URLs."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.headers = {"Authorization": f"Bearer {stack.token()}", "AI-Resource-Group": "default"}

    def pool(self) -> urllib3.HTTPSConnectionPool:
        return urllib3.HTTPSConnectionPool(
            "localhost",
            self._stack.gateway_port,
            ca_certs=str(self._stack.home / "tls" / "ca.pem"),
            retries=False,
            timeout=20,
        )

    def status(self, deployment: str) -> int:
        """Return the status that a deployment's URL answers with, 0 when nobody answers."""
        try:
            with self.pool() as pool:
                return pool.request("GET", path_of(deployment), headers=self.headers).status
        except HTTPError:
            return 0


def path_of(deployment: str) -> str:
    """Return the path of a deployment's URL."""
    return f"/v2/inference/deployments/{deployment}/"
