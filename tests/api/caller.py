"""A program that calls the AI API with a token, in the test's own process."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponseBase
from django.test import Client

from deployments.auth import tokens
from deployments.models import Actor, ResourceGroup, Role, ServiceKey
from deployments.operations.service_keys import issue_service_key

ADMINISTRATOR = Actor(name="tester", role=Role.ADMINISTRATOR)


class Caller:
    """One service key.

    Args:
        groups: the resource groups that it may use, None for all.
    """

    def __init__(self, role: Role = Role.EDITOR, groups: list[ResourceGroup] | None = None) -> None:
        self.key: ServiceKey = issue_service_key(ADMINISTRATOR, name="program", role=role, groups=groups).key
        ids = None if groups is None else [group.pk for group in groups]
        self.token = tokens.issue(
            subject=self.key.client_id,
            client_id=self.key.client_id,
            resource_groups=ids,
            role=role,
            lifetime_seconds=600,
        )
        self.group = groups[0].pk if groups else "default"
        self._client = Client(raise_request_exception=False, SERVER_NAME="localhost")

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}", "AI-Resource-Group": self.group} | (headers or {})
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self._client.generic(
            method,
            f"/v2{path}",
            data,
            content_type=content_type,
            headers={name: value for name, value in sent.items() if value},
            query_params=query,
        )
        return Answer(answer)

    def get(self, path: str, **query: Any) -> Answer:
        return self.ask("GET", path, query={name.replace("__", "$"): value for name, value in query.items()})


class Answer:
    """A status, a body, and a look at the form of errors."""

    def __init__(self, answer: HttpResponseBase) -> None:
        self.status = answer.status_code
        self.headers = answer.headers
        content = b"".join(answer)
        is_json = answer.headers["Content-Type"].startswith("application/json")
        self.body: Any
        self.body = json.loads(content) if is_json else content.decode()
        if self.status >= 400:
            assert is_json, content
            assert {"code", "message", "requestId", "target"} <= set(self.body["error"]), self.body
            assert answer.headers["X-Request-Id"] == self.body["error"]["requestId"]

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.body["error"]
        return error
