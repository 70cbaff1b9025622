"""Questions of pages to runtimes: a worker answers them, within a limit, and no secret lies in the broker in clear."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest
from django.utils import timezone

from deployments import broker, inquiries, reconciler, tasks
from deployments.inquiries import LIMIT_SECONDS, TAKING_SECONDS, AnswerState, Question, Subject
from deployments.messages import Message
from deployments.models import Connection, ConnectionOffer
from deployments.reconciler.lanes import close_all
from deployments.runtimes.base import Offer, StoredImage
from deployments.runtimes.fake import kind
from deployments.runtimes.fake.engine import engine
from tests.valkey import running_valkey
from tests.waiting import wait_until

SECRET = "t0p-secret-of-a-test"


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    with running_valkey(monkeypatch) as process:
        broker.record_heartbeat()
        yield process


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    """The name of an engine of the test's own."""
    return str(request.node.name)


def question(options: dict[str, object] | None = None, **secrets: str) -> Question:
    return Question(subject=Subject.TEST, language="de", kind="fake", options=options or {}, secrets=secrets)


def stored() -> str:
    """Return all that lies in the broker."""
    with broker.store() as store:
        keys = [key for key in store.keys("launchpad:inquiry:*")]
        return f"{[store.hgetall(key) for key in keys]}"


def age(inquiry_id: str, field: str, seconds: float) -> None:
    """Move a time of a question into the past."""
    with broker.store() as store:
        store.hset(f"launchpad:inquiry:{inquiry_id}", field, str(time.time() - seconds))


def test_a_test_is_answered_once_and_its_secrets_lie_nowhere_in_clear(valkey: object) -> None:
    inquiry_id = inquiries.store_question(question(token=SECRET))
    assert SECRET not in stored()
    assert inquiries.answer_of(inquiry_id).state is AnswerState.WAITING

    reconciler.answer_inquiry(inquiry_id)

    answer = inquiries.answer_of(inquiry_id)
    assert answer.state is AnswerState.ANSWERED
    assert answer.content["report"]["version"] == "Fake 1.0"
    assert SECRET not in stored()
    assert inquiries.take_question(inquiry_id) is None


def test_what_is_wrong_is_one_sentence(valkey: object) -> None:
    for asked in (question({"variant": "unreachable"}), question(token="wrong")):
        inquiry_id = inquiries.store_question(asked)
        reconciler.answer_inquiry(inquiry_id)
        assert inquiries.answer_of(inquiry_id).content["problem"]["params"]["text"].startswith("The fake runtime")


def test_an_unexpected_error_is_raised_and_the_page_is_told(valkey: object, engine_name: str) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    engine(engine_name).before_test = fail
    inquiry_id = inquiries.store_question(question({"engine": engine_name}))

    with pytest.raises(ZeroDivisionError):
        reconciler.answer_inquiry(inquiry_id)

    assert inquiries.answer_of(inquiry_id).content["problem"]["reason"] == "InquiryFailed"


def test_a_runtime_that_hangs_is_given_up_and_holds_up_no_other_question(valkey: object, engine_name: str) -> None:
    answers = threading.Event()

    def hang() -> None:
        answers.wait(30)

    engine(engine_name).before_test = hang
    hanging = inquiries.store_question(question({"engine": engine_name}))
    other = inquiries.store_question(question())
    try:
        tasks.answer_inquiry(hanging)
        tasks.answer_inquiry(other)
        wait_until(lambda: inquiries.answer_of(other).state is AnswerState.ANSWERED, what="the other one is answered")
        assert inquiries.answer_of(hanging).state is AnswerState.WAITING

        age(hanging, "taken_at", LIMIT_SECONDS + 1)

        assert inquiries.answer_of(hanging).state is AnswerState.SILENT
    finally:
        answers.set()
        close_all()


def test_without_a_worker_or_a_broker_the_page_is_told(valkey: subprocess.Popen[bytes]) -> None:
    inquiry_id = inquiries.store_question(question())
    age(inquiry_id, "asked_at", TAKING_SECONDS + 1)
    assert inquiries.answer_of(inquiry_id).state is AnswerState.NO_WORKER

    fresh = inquiries.store_question(question())
    with broker.store() as store:
        store.delete(broker.HEARTBEAT_KEY)
    assert inquiries.answer_of(fresh).state is AnswerState.NO_WORKER
    assert inquiries.answer_of("of-nobody").state is AnswerState.UNKNOWN

    valkey.kill()
    valkey.wait(10)
    assert inquiries.answer_of(fresh).state is AnswerState.NO_WORKER


@pytest.mark.django_db
def test_unused_images_are_listed_and_removed(valkey: object, engine_name: str) -> None:
    connection = Connection.objects.create(name="engine", kind="fake", options={"engine": engine_name})
    engine(engine_name).images = [
        StoredImage(id="sha256:1", name="small:1", size_bytes=5),
        StoredImage(id="sha256:2", name="large:1", size_bytes=7_000_000),
    ]
    asked = [
        inquiries.store_question(Question(subject=subject, language="en", connection=connection.pk))
        for subject in (Subject.IMAGES, Subject.IMAGES_REMOVED, Subject.IMAGES)
    ]

    for inquiry_id in asked:
        reconciler.answer_inquiry(inquiry_id)

    first, removed, last = (inquiries.answer_of(inquiry_id).content for inquiry_id in asked)
    assert [image["name"] for image in first["images"]] == ["large:1", "small:1"]
    assert ([image["name"] for image in removed["removed"]], removed["images"]) == (["large:1", "small:1"], [])
    assert last == {"images": []}


@pytest.mark.django_db
def test_images_of_a_connection_that_is_deleted_meanwhile_are_told_as_that(valkey: object) -> None:
    inquiry_id = inquiries.store_question(Question(subject=Subject.IMAGES, language="en", connection=4711))

    reconciler.answer_inquiry(inquiry_id)

    assert inquiries.answer_of(inquiry_id).content["problem"]["reason"] == "ConnectionGone"


@pytest.mark.django_db
def test_what_answers_on_this_machine_is_kept_for_as_long_as_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Offer(name="engine", options={"engine": "a"}, message=Message("Message", {"text": "Fake 1 answers."}))
    newer = Offer(name="engine", options={"engine": "a"}, message=Message("Message", {"text": "Fake 2 answers."}))
    monkeypatch.setattr(kind, "offers", [first, first])  # two ways to one engine

    reconciler.look_for_offers()
    found = ConnectionOffer.objects.get(kind="fake")
    assert (found.name, found.options, found.message) == ("engine", {"engine": "a"}, first.message)

    ConnectionOffer.objects.update(dismissed_at=timezone.now())
    monkeypatch.setattr(kind, "offers", [newer])
    reconciler.look_for_offers()
    found = ConnectionOffer.objects.get(kind="fake")
    assert (found.message, found.dismissed_at is None) == (newer.message, False)

    monkeypatch.setattr(kind, "offers", [])
    reconciler.look_for_offers()
    assert not ConnectionOffer.objects.exists()


@pytest.mark.django_db
def test_a_look_that_finds_the_same_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: object
) -> None:
    offer = Offer(name="engine", options={"engine": "a"}, message=Message("Message", {"text": "Fake 1 answers."}))
    monkeypatch.setattr(kind, "offers", [offer])
    reconciler.look_for_offers()

    with django_assert_num_queries(1):  # type: ignore[operator]
        reconciler.look_for_offers()

    assert json.dumps(ConnectionOffer.objects.get().options) == '{"engine": "a"}'
