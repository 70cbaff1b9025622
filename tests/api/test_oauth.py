"""`/oauth/token` and `/oauth/jwks`, asked like a program asks them."""

from __future__ import annotations

import base64
import logging
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet
from pytest_django.fixtures import Settings

from deployments.auth import tokens
from deployments.models import AuditEntry, Role, ServiceKey, secret_digest
from tests.factories import make_group

pytestmark = pytest.mark.django_db
SECRET = "s3cret:with/odd+signs="
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(autouse=True)
def _home(settings: Settings, tmp_path: Path) -> None:
    settings.LAUNCHPAD_HOME = Path(tempfile.mkdtemp(dir=tmp_path))


@pytest.fixture
def key() -> ServiceKey:
    return ServiceKey.objects.create(client_id="sb-1!b2", secret_hash=secret_digest(SECRET), role=Role.VIEWER)


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


def ask(headers: dict[str, str] | None = None, **fields: str) -> Any:
    return Client().post("/oauth/token", {**GRANT, **fields}, headers=headers or {})


@pytest.mark.parametrize("way", ["form", "basic", "query"])
def test_a_service_key_gets_a_token_that_says_what_it_may(key: ServiceKey, way: str) -> None:
    if way == "form":
        answer = ask(client_id=key.client_id, client_secret=SECRET)
    elif way == "basic":
        answer = ask(basic(key.client_id, SECRET))
    else:
        address = "/oauth/token?grant_type=client_credentials"
        answer = Client().post(address, headers=basic(key.client_id, SECRET))
    assert answer.status_code == 200, answer.content
    assert answer.headers["Content-Type"] == "application/json"
    assert "no-store" in answer.headers["Cache-Control"]
    content = answer.json()
    assert set(content) == {"access_token", "token_type", "expires_in", "scope", "jti"}
    assert (content["token_type"], content["expires_in"]) == ("bearer", 43199)
    claims = tokens.verify(content["access_token"])
    assert (claims.client_id, claims.role, claims.groups) == (key.client_id, "viewer", None)
    assert claims.jti == content["jti"]
    assert not claims.is_probe


def test_a_key_of_some_groups_gets_a_token_for_those(key: ServiceKey) -> None:
    ServiceKey.objects.update(all_groups=False)
    key.resource_groups.set([make_group("team-a"), make_group("team-b")])
    token = ask(basic(key.client_id, SECRET)).json()["access_token"]
    assert tokens.verify(token).groups == frozenset({"team-a", "team-b"})
    key.resource_groups.clear()
    token = ask(basic(key.client_id, SECRET)).json()["access_token"]
    assert tokens.verify(token).groups == frozenset()


def test_a_token_does_not_outlive_its_key(key: ServiceKey) -> None:
    ServiceKey.objects.update(expires_at=timezone.now() + timedelta(minutes=5))
    assert 290 <= ask(basic(key.client_id, SECRET)).json()["expires_in"] <= 300


def test_every_failed_authentication_looks_the_same(key: ServiceKey) -> None:
    answers = [
        ask(),
        ask(client_id=key.client_id),
        ask(client_id=key.client_id, client_secret="wrong"),
        ask(client_id="unknown", client_secret=SECRET),
        ask(client_id="\x00", client_secret=SECRET),
        ask(basic(key.client_id, "wrong")),
        ask(basic("unknown", SECRET)),
        ask({"Authorization": "Basic /////w=="}),
        ask({"Authorization": "Basic !"}),
        ask({"Authorization": f"Bearer {SECRET}"}),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["error"] == "invalid_client"
    assert answers[0].headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
def test_a_key_that_is_over_gets_no_token(key: ServiceKey, column: str) -> None:
    ServiceKey.objects.update(**{column: timezone.now() - timedelta(seconds=1)})
    assert ask(basic(key.client_id, SECRET)).status_code == 401


@pytest.mark.parametrize("grant", ["password", "refresh_token", "authorization_code", ""])
def test_there_is_no_other_grant(key: ServiceKey, grant: str) -> None:
    answer = ask(basic(key.client_id, SECRET), grant_type=grant)
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


def test_a_token_is_asked_for_with_post_and_without_a_session(key: ServiceKey) -> None:
    assert Client().get("/oauth/token", GRANT).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post("/oauth/token", GRANT, headers=basic(key.client_id, SECRET)).status_code == 200


def test_every_error_has_oauths_form(settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # for the page that is not shown
    wrong_method, unknown = Client().get("/oauth/token"), Client().post("/oauth/elsewhere")
    assert (wrong_method.status_code, wrong_method.headers["Allow"]) == (405, "POST")
    assert unknown.status_code == 404
    for answer in (wrong_method, unknown):
        assert answer.json()["error"] == "invalid_request"
        assert answer.json()["error_description"]


def test_nothing_secret_is_logged(key: ServiceKey, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = ask(client_id=key.client_id, client_secret=SECRET).json()["access_token"]
    assert token not in caplog.text
    assert SECRET not in caplog.text


def test_anybody_can_check_a_token_with_the_published_keys(key: ServiceKey) -> None:
    token = ask(basic(key.client_id, SECRET)).json()["access_token"]
    answer = Client().get("/oauth/jwks")
    published = answer.json()
    assert answer.status_code == 200
    assert {"kty", "n", "e", "kid", "use", "alg"} == set(published["keys"][0])
    assert jwt.decode(token, KeySet.import_key_set(published), algorithms=["RS256"]).claims["sub"] == key.client_id


def test_who_asks_too_often_has_to_wait_and_others_need_not(key: ServiceKey, settings: Settings) -> None:
    cache.clear()
    settings.LAUNCHPAD_TOKENS_PER_MINUTE = 3
    good = basic(key.client_id, SECRET)
    assert [ask(good).status_code for _ in range(3)] == [200] * 3

    refused = ask(good)

    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert "until it expires" in refused.json()["error_description"]
    assert ask(basic("somebody", "else")).status_code == 401
    assert Client(REMOTE_ADDR="192.0.2.1").post("/oauth/token", GRANT, headers=good).status_code == 200
    guesses = {ask(basic("somebody", str(number))).status_code for number in range(40)}
    assert guesses == {401, 429}, "an address has an end too"
    cache.clear()


def test_the_address_behind_our_proxies_counts_and_what_clients_say_does_not(
    key: ServiceKey, settings: Settings
) -> None:
    settings.LAUNCHPAD_PROXIES = 1
    for told in ("198.51.100.7, 192.0.2.9", "unknown"):
        ask({**basic("somebody", "else"), "X-Forwarded-For": told})

    refused = set(AuditEntry.objects.filter(action="token refused").values_list("actor", "address"))
    assert refused == {("somebody", "192.0.2.9"), ("somebody", "127.0.0.1")}
