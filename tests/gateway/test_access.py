"""Who gets through the gateway, and what the others are told."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from pytest_django.fixtures import Settings

from deployments.auth import tokens
from deployments.gateway import sync
from deployments.gateway.routing_table import RoutingTable
from deployments.messages import render
from tests.gateway.running import GROUP, ID, Gateway, ModelServer, access_token, backend, error_of, routed


def claims(**values: Any) -> dict[str, Any]:
    """Return the claims of a good token, with changes; None takes one away."""
    good = json.loads(base64.urlsafe_b64decode(access_token().split(".")[1] + "=="))
    return {key: value for key, value in {**good, **values}.items() if value is not None}


def signed(values: dict[str, Any], **header: Any) -> str:
    """Return a token signed by our own key, whatever it says."""
    signer = tokens.signing_key()
    return jwt.encode({"alg": "RS256", "kid": signer.kid, **header}, values, signer.key)


def test_a_valid_token_gets_an_answer(served: Gateway) -> None:
    answer = served.ask("/predict?x=1")
    assert (answer.status, answer.json()["path"]) == (200, "/predict?x=1")


def test_without_a_token_nothing_is_answered(served: Gateway) -> None:
    answer = served.ask(token="")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert error_of(answer)["target"] == f"/v2/inference/deployments/{ID}/"


def test_another_kind_of_authorization_is_no_token(served: Gateway) -> None:
    assert served.ask(token="", headers={"Authorization": "Basic eDp5"}).status == 401


def test_an_expired_token_is_refused_with_the_reason(served: Gateway) -> None:
    answer = served.ask(token=signed(claims(exp=int(time.time()) - 1)))
    assert (answer.status, error_of(answer)["code"]) == (401, "TokenExpired")


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "http://elsewhere"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"role": None},
    ],
)
def test_a_token_for_somewhere_else_is_refused(served: Gateway, wrong: dict[str, Any]) -> None:
    answer = served.ask(token=signed(claims(**wrong)))
    assert (answer.status, error_of(answer)["code"]) == (401, "TokenInvalid")


def test_a_token_without_an_end_is_refused(served: Gateway) -> None:
    assert served.ask(token=signed(claims(exp=None))).status == 401


def test_a_changed_token_is_refused(served: Gateway) -> None:
    head, _, signature = access_token(resource_groups=["other"]).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=").decode()
    assert served.ask(token=f"{head}.{body}.{signature}").status == 401


def test_a_token_of_a_foreign_key_is_refused(served: Gateway) -> None:
    foreign = RSAKey.generate_key(2048)
    for kid in (tokens.signing_key().kid, "unknown"):
        assert served.ask(token=jwt.encode({"alg": "RS256", "kid": kid}, claims(), foreign)).status == 401


def test_other_algorithms_are_refused(served: Gateway) -> None:
    kid = tokens.signing_key().kid
    public = (served.home / "tokens" / f"{kid}.pub.pem").read_bytes()
    shared = jwt.encode({"alg": "HS256", "kid": kid}, claims(), OctKey.import_key(base64.b64encode(public)))
    raw = jwt.encode({"alg": "HS512", "kid": kid}, claims(), OctKey.import_key(b"k" * 64), algorithms=["HS512"])
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "kid": kid}, claims())]
    unsigned = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    for token in (shared, raw, f"{unsigned}.", unsigned, "a.b.c", "nonsense"):
        assert served.ask(token=token).status == 401, token


def test_a_token_of_another_group_finds_nothing(served: Gateway) -> None:
    for groups in (["team"], ["team-a-b", "x"], []):
        answer = served.ask(token=access_token(resource_groups=groups))
        assert (answer.status, error_of(answer)["code"]) == (404, "DeploymentNotFound"), groups


def test_one_of_several_groups_is_enough_and_so_are_all(served: Gateway) -> None:
    assert served.ask(token=access_token(resource_groups=["a", GROUP, "z"])).status == 200
    assert served.ask(token=access_token(resource_groups=None)).status == 200


def test_groups_cannot_be_claimed_by_a_header(served: Gateway) -> None:
    token = access_token(resource_groups=["other"])
    assert served.ask(token=token, headers={"X-Launchpad-Groups": GROUP}).status == 404


def test_the_resource_group_header_has_to_fit_when_it_is_sent(served: Gateway) -> None:
    assert served.ask(headers={"AI-Resource-Group": GROUP}).status == 200
    assert served.ask(headers={"AI-Resource-Group": "other"}).status == 404


def test_a_revoked_key_and_a_revoked_token_are_refused(
    gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    sync.apply(routed(1, model_server("one").server()))
    revoked = access_token(client_id="key-2")
    single = access_token(client_id="key-3", jti="the-one")
    assert [gateway.ask(token=token).status for token in (revoked, single)] == [200, 200]
    servers = routed(1, model_server("two").server())
    sync.apply(RoutingTable(backends=servers.backends, routes=servers.routes, revoked=frozenset({"key-2", "the-one"})))
    answers = [gateway.ask(token=token) for token in (revoked, single)]
    assert [(answer.status, error_of(answer)["code"]) for answer in answers] == [(401, "TokenRevoked")] * 2
    assert gateway.ask(token=access_token(client_id="key-3")).status == 200


def test_tokens_of_the_key_before_count_until_the_overlap_ends(gateway: Gateway) -> None:
    table = RoutingTable(idle={ID: GROUP})
    old = access_token()
    new_kid = tokens.rotate()
    sync.apply(RoutingTable(idle=table.idle))
    new = next(key for key in tokens.accepted_keys() if key.kid == new_kid)
    ahead = jwt.encode({"alg": "RS256", "kid": new_kid}, claims(), new.key)
    assert tokens.signing_key().kid != new_kid, "signs only when every gateway can know it"
    assert [gateway.ask(token=token).status for token in (old, ahead)] == [503, 503], "both are let in"
    tokens.rotate(overlap=0)
    sync.apply(RoutingTable(idle=table.idle))
    assert [gateway.ask(token=token).status for token in (old, access_token())] == [401, 503]


def test_an_unknown_deployment_is_not_found(served: Gateway) -> None:
    answer = served.ask(deployment_id="dffffffffffffffff")
    assert answer.status == 404
    assert "dffffffffffffffff" in error_of(answer)["message"]


def test_whatever_a_path_holds_the_error_is_valid_json(served: Gateway) -> None:
    answer = served.raw(b'GET /v2/inference/deployments/"\\/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    assert answer.startswith(b"HTTP/1.1 401")
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert error["target"].startswith('/v2/inference/deployments/"\\')


def test_a_deployment_without_a_route_says_so_to_those_who_may_see_it(gateway: Gateway) -> None:
    sync.apply(RoutingTable(idle={ID: GROUP}))
    answer = gateway.ask()
    assert answer.status == 503
    assert error_of(answer)["message"] == f"Deployment {ID} has no running server."
    assert gateway.ask(token=access_token(resource_groups=["other"])).status == 404


def test_a_deployment_whose_server_is_gone_answers_in_the_same_form(
    gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    one = model_server("one")
    sync.apply(routed(1, one.server()))
    one.kill()
    answer = gateway.ask()
    assert (answer.status, error_of(answer)["code"]) == (503, "DeploymentNotRunning")


def test_model_servers_see_neither_token_nor_prefix(served: Gateway) -> None:
    headers = {"X-Launchpad-Generation": "7", "X-Launchpad-Groups": "x", "X-Custom": "kept"}
    answer = served.ask("/v2/models/m/infer", headers=headers)
    seen = answer.json()
    assert seen["path"] == "/v2/models/m/infer"
    assert not {"authorization", "x-launchpad-generation", "x-launchpad-groups"} & set(seen["headers"])
    assert seen["headers"]["x-custom"] == "kept"
    assert seen["headers"]["x-request-id"] == answer.headers["X-Request-Id"]
    assert seen["headers"]["x-forwarded-prefix"] == f"/v2/inference/deployments/{ID}"
    for short in ("", "?a=b"):
        assert served.ask(short).json()["path"] == f"/{short}"


def test_only_a_proof_may_choose_the_generation(gateway: Gateway, model_server: Callable[..., ModelServer]) -> None:
    old, new = model_server("old"), model_server("new")
    sync.apply(RoutingTable(backends=(backend(1, old.server()), backend(2, new.server())), routes={ID: 1}))
    asked = {"X-Launchpad-Generation": "2"}
    assert gateway.ask(headers=asked).json()["server"] == "old"
    assert gateway.ask(headers=asked, token=access_token(probe=True)).json()["server"] == "new"
    result = sync.send_probe(ID, 2, method="POST", path="/predict", body=b"{}", headers={"X-Sample": "1"}, timeout=5)
    assert (result.ok, result.status) == (True, 200)


def test_a_failed_proof_says_what_was_answered(
    gateway: Gateway, model_server: Callable[..., ModelServer], settings: Settings
) -> None:
    sync.apply(routed(1, model_server("one").server()))
    broken = sync.send_probe(ID, 1, method="GET", path="/broken", body=None, headers={}, timeout=5)
    assert (broken.ok, broken.status) == (False, 500)
    assert render(broken.message).startswith("GET /broken answered 500 Internal Server Error in ")
    assert "The model is broken." in render(broken.message)
    slow = sync.send_probe(ID, 1, method="GET", path="/slow", body=None, headers={}, timeout=0.2)
    assert (slow.ok, slow.status) == (False, 0)
    assert "0.2 s" in render(slow.message)
    assert not sync.send_probe(ID, 9, method="GET", path="/", body=None, headers={}, timeout=5).ok
    gateway.kill()
    gone = sync.send_probe(ID, 1, method="GET", path="/", body=None, headers={}, timeout=5)
    assert (gone.ok, gone.status) == (False, 0)
