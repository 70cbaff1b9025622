"""Pages, API and models of other parties share an origin: what each of them may see and set."""

from __future__ import annotations

import json
from collections.abc import Callable

from pytest_django.fixtures import Settings

from deployments.gateway import sync
from tests.gateway.running import Gateway, ModelServer, access_token, address, error_of, routed


def test_both_ports_answer_inference(served: Gateway) -> None:
    headers = {"Authorization": f"Bearer {access_token()}"}
    for pool, scheme in ((served.pool(), "https"), (served.plain_pool(), "http")):
        with pool:
            answer = pool.urlopen("GET", address("/predict"), headers=headers)
        assert (answer.status, answer.json()["headers"]["x-forwarded-proto"]) == (200, scheme)


def test_a_model_server_gets_no_cookie(served: Gateway) -> None:
    seen = served.ask(headers={"Cookie": "launchpad_session=secret; other=1"}).json()["headers"]
    assert "cookie" not in seen


def test_what_a_model_answers_sets_nothing_for_our_pages(served: Gateway) -> None:
    wanted = {
        "Set-Cookie": "launchpad_session=mine; Path=/",
        "Clear-Site-Data": '"*"',
        "Strict-Transport-Security": "max-age=31536000",
        "Alt-Svc": 'h3="evil.example:443"',
        "Content-Security-Policy": "default-src *",
        "X-Custom": "kept",
    }
    for status in (200, 404, 302):
        answer = served.ask(headers={"X-Answer": json.dumps({**wanted, "status": status})})
        assert answer.status == status
        assert not {"Set-Cookie", "Clear-Site-Data", "Strict-Transport-Security", "Alt-Svc"} & set(answer.headers)
        assert answer.headers["Content-Security-Policy"] == "sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Custom"] == "kept"


CLAIMED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "ftp"}


def test_what_a_client_says_of_its_address_is_thrown_away(served: Gateway) -> None:
    seen = served.ask(headers=CLAIMED).json()["headers"]
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "https")


def test_what_trusted_proxies_say_of_the_client_is_kept(
    settings: Settings, gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    settings.LAUNCHPAD_PROXIES = 1
    sync.apply(routed(1, model_server("one").server()))
    headers = {**CLAIMED, "X-Forwarded-Proto": "https", "Authorization": f"Bearer {access_token()}"}
    with gateway.plain_pool() as pool:
        seen = pool.urlopen("GET", address(), headers=headers).json()["headers"]
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("203.0.113.9, 127.0.0.1", "https")


def test_while_the_web_server_is_away_browsers_get_a_page_and_programs_an_error(gateway: Gateway) -> None:
    with gateway.plain_pool() as pool:
        page = pool.urlopen("GET", "/deployments/")
        answers = [pool.urlopen("GET", path) for path in ("/v2/lm/meta", "/oauth/token", "/healthz")]
        large = pool.urlopen("POST", "/deployments/", body=b"x" * 100_000)
    assert [page.status, large.status, *(answer.status for answer in answers)] == [503] * 5
    assert page.headers["Content-Type"].startswith("text/html")
    assert large.headers["Content-Type"].startswith("text/html")
    assert b"is being started" in page.data
    assert {error_of(answer)["code"] for answer in answers} == {"ServiceUnavailable"}


ELSEWHERE = "https://elsewhere.example"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-own"}


def test_the_browsers_question_is_answered_for_origins_of_the_setting(
    settings: Settings, gateway: Gateway, model_server: Callable[..., ModelServer]
) -> None:
    settings.LAUNCHPAD_CORS_ORIGINS = [ELSEWHERE]
    sync.apply(routed(1, model_server("one").server()))
    asked = gateway.ask("/predict", method="OPTIONS", token="", headers={**PREFLIGHT, "Origin": ELSEWHERE})
    assert asked.status == 204
    assert asked.headers["Access-Control-Allow-Origin"] == ELSEWHERE
    assert asked.headers["Access-Control-Allow-Headers"] == "authorization,x-own"
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    for token in (None, ""):  # errors can be read, too
        answer = gateway.ask(token=token, headers={"Origin": ELSEWHERE})
        assert answer.headers["Access-Control-Allow-Origin"] == ELSEWHERE
        assert "Origin" in answer.headers["Vary"]


def test_pages_of_other_origins_are_not_let_in_whatever_the_model_server_says(served: Gateway) -> None:
    asked = served.ask(method="OPTIONS", token="", headers={**PREFLIGHT, "Origin": ELSEWHERE})
    assert (asked.status, error_of(asked)["code"]) == (403, "OriginRefused")
    permits = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true"}
    answer = served.ask(headers={"Origin": ELSEWHERE, "X-Answer": json.dumps(permits)})
    assert answer.status == 200
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_pages_of_our_own_are_let_in_from_both_ports(served: Gateway, settings: Settings) -> None:
    for origin in settings.LAUNCHPAD_CORS_ORIGINS:
        answer = served.ask(headers={"Origin": origin})
        assert answer.headers["Access-Control-Allow-Origin"] == origin
