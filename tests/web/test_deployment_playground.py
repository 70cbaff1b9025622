"""Trying a deployment: what is sent, to whom, what is shown, and the snippets with a token."""

from __future__ import annotations

import json
import re
import shlex
import ssl
import subprocess
import sys
import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deployments.auth import tokens
from deployments.gateway import tls
from deployments.lifecycle import Status
from deployments.models import Deployment, Role
from deployments.scheduling.server_specs import server_spec_of, to_dict
from deployments.web.deployments.playground_request import ANSWER_SECONDS, MAX_ANSWER
from tests import factories as make

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@dataclass
class StandIn:
    """An HTTPS server where the gateway would be: answers as told and remembers what it was asked."""

    port: int = 0
    status: int = 200
    body: bytes = b'{"predictions": [1]}'
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    asked: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def gateway(settings: Any, tmp_path: Path) -> Iterator[StandIn]:
    settings.LAUNCHPAD_HOME = tmp_path
    settings.LAUNCHPAD_GATEWAY_HOST = "localhost"
    certificate = tls.ensure(tmp_path)
    tokens.ensure_key()
    told = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            length = int(self.headers.get("Content-Length") or 0)
            asked = {"method": self.command, "path": self.path, "headers": dict(self.headers)}
            told.asked.append(asked | {"body": self.rfile.read(length).decode()})
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    told.port = settings.LAUNCHPAD_GATEWAY_PORT = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


SAMPLE = """\
    launchpad/sample-request: |
      method: POST
      path: /v1/models/it's:predict
      description: Four measurements of one flower
      body: {instances: [[6.8, 2.8, "it's"]]}
"""


def serving(status: Status = Status.RUNNING) -> Deployment:
    text = make.TEMPLATE.format(executable="sampled", scenario="talking").replace(
        "  labels:\n", f"{SAMPLE}  labels:\n", 1
    )
    configuration = make.make_configuration(executable=make.make_executable("sampled", text=text))
    deployment = make.make_deployment(configuration, status=status)
    make.make_replica(make.make_generation(deployment, server_spec=to_dict(server_spec_of(configuration))))
    return deployment


def signed_in(client: Client, role: Role = Role.VIEWER, **values: Any) -> Client:
    client.force_login(make.make_user(role, **values))
    return client


def claims_of(token: str) -> dict[str, Any]:
    """Return what a valid token says."""
    tokens.verify(token)
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def send(client: Client, deployment: Deployment, **values: str) -> Any:
    data = {"method": "POST", "path": "/v1/models/m:predict", "body": '{"instances": [1]}'} | values
    return client.post(reverse("deployment-playground", args=[deployment.pk]), data, headers=HTMX)


def test_the_card_offers_the_templates_sample(client: Client) -> None:
    html = signed_in(client).get(reverse("deployment", args=[serving().pk])).content.decode()

    assert "Four measurements of one flower" in html
    assert "/v1/models/it&#x27;s:predict" in html
    assert "6.8" in html
    assert "Bearer $TOKEN" in html


def test_the_request_goes_through_the_gateway_and_the_answer_is_shown(client: Client, gateway: StandIn) -> None:
    deployment = serving()

    answer = send(signed_in(client), deployment)

    html = unescape(answer.content.decode())
    assert answer.status_code == 200
    assert '"predictions": [\n    1\n  ]' in html
    assert "200 OK" in html
    assert re.search(r"[\d.]+ ms", html)
    (asked,) = gateway.asked
    assert asked["method"] == "POST"
    assert asked["path"] == f"/v2/inference/deployments/{deployment.pk}/v1/models/m:predict"
    assert asked["body"] == '{"instances": [1]}'
    assert asked["headers"]["Content-Type"] == "application/json"


def test_the_token_is_the_readers_short_and_for_this_group_only(client: Client, gateway: StandIn) -> None:
    user = make.make_user(Role.VIEWER, username="vera")
    client.force_login(user)

    send(client, serving())

    claims = claims_of(gateway.asked[0]["headers"]["Authorization"].removeprefix("Bearer "))
    assert claims["sub"] == "vera"
    assert claims["groups"].split() == ["default"]
    assert claims["exp"] - claims["iat"] <= 2 * ANSWER_SECONDS


def test_without_scripts_the_page_shows_the_answer_and_what_was_entered(client: Client, gateway: StandIn) -> None:
    data = {"method": "GET", "path": "/v1/other"}
    answer = signed_in(client).post(reverse("deployment-playground", args=[serving().pk]), data)
    html = unescape(answer.content.decode())

    assert "<html" in html
    assert '"predictions"' in html
    assert 'value="/v1/other"' in html


def test_an_error_of_the_server_is_shown_as_it_is(client: Client, gateway: StandIn) -> None:
    gateway.status, gateway.body = 422, b'{"error": "3 features are needed"}'

    answer = send(signed_in(client), serving())

    assert answer.status_code == 200
    assert "422 Unprocessable" in answer.content.decode()
    assert "3 features are needed" in answer.content.decode()


def test_a_redirect_is_shown_and_not_followed(client: Client, gateway: StandIn) -> None:
    gateway.status, gateway.headers = 302, {"Location": "http://127.0.0.1:1/elsewhere"}

    assert "302 Found" in send(signed_in(client), serving()).content.decode()
    assert len(gateway.asked) == 1


def test_a_large_answer_is_cut(client: Client, gateway: StandIn) -> None:
    gateway.body, gateway.headers = b"x" * (MAX_ANSWER + 1), {"Content-Type": "text/plain"}

    html = send(signed_in(client), serving()).content.decode()

    assert "Only the first" in html
    assert html.count("x") < MAX_ANSWER + 500


def test_bytes_are_not_shown_as_text(client: Client, gateway: StandIn) -> None:
    gateway.body, gateway.headers = b"\x89PNG\xff\xfe", {"Content-Type": "image/png"}

    assert "The answer is not text." in send(signed_in(client), serving()).content.decode()


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"method": "TRACE"}, "Choose one of GET"),
        ({"path": "v1/models"}, "Write a path that begins with /"),
        ({"path": "/v1/a b"}, "Write a path that begins with /"),
        ({"path": "/v1/\r\nHost: elsewhere"}, "Write a path that begins with /"),
        ({"path": "/../../other/v1"}, "must not hold the parts . or .."),
        ({"path": "/%2e%2e/other"}, "must not hold the parts . or .."),
        ({"path": "/%252e%252e/other"}, "must not hold the parts . or .."),
        ({"path": "/..\\other"}, "must not hold the parts . or .."),
        ({"path": "/" + "a" * 2000}, "2000 are allowed"),
        ({"body": "x" * 1_000_001}, "1,000,000 can be sent"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_not_sent(
    client: Client, gateway: StandIn, values: dict[str, str], sentence: str
) -> None:
    answer = send(signed_in(client), serving(), **values)

    assert answer.status_code == 422
    assert sentence in unescape(answer.content.decode())
    assert not gateway.asked


def test_a_gateway_that_is_away_is_told_in_a_sentence(client: Client, gateway: StandIn, settings: Any) -> None:
    settings.LAUNCHPAD_GATEWAY_PORT = 1

    answer = send(signed_in(client), serving())

    assert answer.status_code == 200
    assert "The gateway cannot be reached." in answer.content.decode()


def test_a_certificate_of_somebody_else_is_not_trusted(
    client: Client, gateway: StandIn, settings: Any, tmp_path: Path
) -> None:
    settings.LAUNCHPAD_HOME = tmp_path / "another"
    tls.ensure(tmp_path / "another")
    tokens.ensure_key()

    assert "certificate" in send(signed_in(client), serving()).content.decode().lower()
    assert not gateway.asked


def test_what_has_no_url_cannot_be_tried(client: Client, gateway: StandIn) -> None:
    deployment = serving(Status.PENDING)
    signed_in(client)

    assert (
        "It can be tried as soon as it is RUNNING."
        in client.get(reverse("deployment", args=[deployment.pk])).content.decode()
    )
    assert "there is nothing to send the request to" in send(client, deployment).content.decode()
    assert not gateway.asked


@pytest.mark.parametrize("name", ["deployment-playground", "deployment-token"])
def test_a_deployment_that_may_not_be_seen_cannot_be_used(client: Client, gateway: StandIn, name: str) -> None:
    hidden = make.make_deployment(make.make_configuration(make.make_group("theirs")))
    signed_in(client, groups=[make.make_group("mine")])

    assert client.post(reverse(name, args=[hidden.pk])).status_code == 404
    assert client.get(reverse(name, args=[hidden.pk])).status_code == 405


# --- snippets ---------------------------------------------------------------------------------------------------


def snippet(html: str, key: str) -> str:
    found = re.search(rf'<code id="snippet-{key}">(.*?)</code>', html, re.DOTALL)
    assert found
    return unescape(found[1])


def test_no_token_is_in_the_page_until_it_is_asked_for(client: Client, gateway: StandIn) -> None:
    deployment = serving()
    html = signed_in(client).get(reverse("deployment", args=[deployment.pk])).content.decode()
    assert "eyJ" not in html

    answer = client.post(reverse("deployment-token", args=[deployment.pk]), headers=HTMX)

    assert answer["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    html = answer.content.decode()
    assert "holds a token that expires" in html
    token = re.search(r"TOKEN=(\S+)", snippet(html, "curl"))
    assert token
    claims = claims_of(token[1])
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["groups"].split() == ["default"]
    page = client.post(reverse("deployment-token", args=[deployment.pk])).content.decode()
    assert "<html" in page
    assert "eyJ" in page


@pytest.mark.parametrize("key", ["curl", "python", "javascript"])
def test_a_pasted_snippet_works(client: Client, gateway: StandIn, tmp_path: Path, key: str) -> None:
    programs = {"curl": ["/bin/sh"], "python": [sys.executable, "-"], "javascript": ["node", "-"]}
    deployment = serving()
    html = signed_in(client).post(reverse("deployment-token", args=[deployment.pk]), headers=HTMX).content.decode()
    text = snippet(html, key)
    program = programs[key]
    needed = "curl" if key == "curl" else program[0]
    if subprocess.run(["/bin/sh", "-c", f"command -v {shlex.quote(needed)}"], capture_output=True).returncode:
        pytest.skip(f"There is no {needed}.")

    done = subprocess.run(program, input=text, capture_output=True, text=True, timeout=30)

    assert json.loads(done.stdout) == {"predictions": [1]}, done.stderr
    (asked,) = gateway.asked
    assert asked["method"] == "POST"
    assert asked["path"].endswith("/v1/models/it's:predict")
    assert json.loads(asked["body"]) == {"instances": [[6.8, 2.8, "it's"]]}
    assert asked["headers"]["Content-Type"] == "application/json"
    assert str(tmp_path / "tls" / "ca.pem") in text
