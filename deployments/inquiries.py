"""Questions that pages have for a runtime, and what a worker has found out: kept in the broker for some minutes.

No page waits for a runtime. It stores its question, sends a task, and asks for the answer by the id of the question
until there is one. A question may hold secrets that were just entered, so it is encrypted, and removed once a worker
has taken it.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from deployments import broker
from deployments.runtimes.options import TEST_SECONDS
from deployments.storage.secrets import WrongKey, decrypt, encrypt

EXPIRY_SECONDS = 600
LIMIT_SECONDS = TEST_SECONDS + 1  # from the moment at which a worker has taken a question
TAKING_SECONDS = 15.0  # within which a worker takes a question, if there is one


class Subject(StrEnum):
    """What a question is about."""

    TEST = "test"
    IMAGES = "images"
    IMAGES_REMOVED = "images-removed"


class AnswerState(StrEnum):
    """How far a question is."""

    WAITING = "waiting"
    ANSWERED = "answered"
    SILENT = "silent"  # a worker has asked, and got no answer within LIMIT_SECONDS
    NO_WORKER = "no-worker"  # no worker has taken it, or the broker does not respond
    UNKNOWN = "unknown"  # there is no such question (any more)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a worker is asked.

    Args:
        connection: primary key of the connection that it is about, None for one that is not stored yet.
        language: of the person who asks.
        kind, options, secrets: of the runtime to test.
    """

    subject: Subject
    language: str
    connection: int | None = None
    kind: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is known of a question.

    Args:
        connection: as in the question.
        content: what the worker has stored, `{}` until it has.
    """

    state: AnswerState
    connection: int | None = None
    content: Mapping[str, Any] = field(default_factory=dict)


def store_question(question: Question) -> str:
    """Store a question and return its id, which nobody can guess.

    Raises:
        BrokerUnavailable: it could not be stored.
    """
    inquiry_id = secrets.token_urlsafe(18)
    values = {
        "subject": question.subject.value,
        "language": question.language,
        "connection": json.dumps(question.connection),
        "kind": question.kind,
        "options": json.dumps(dict(question.options)),
        "secrets": json.dumps(dict(question.secrets)),
    }
    about: dict[Any, Any] = {
        "question": encrypt(values),
        "asked_at": str(time.time()),
        "connection": values["connection"],
    }
    with broker.store() as store, store.pipeline(transaction=True) as pipe:
        pipe.hset(_key(inquiry_id), mapping=about)
        pipe.expire(_key(inquiry_id), EXPIRY_SECONDS)
        pipe.execute()
    return inquiry_id


def take_question(inquiry_id: str) -> Question | None:
    """Return a question for a worker to answer, once; None when it was taken or has expired."""
    key = _key(inquiry_id)
    try:
        with broker.store() as store, store.pipeline(transaction=True) as pipe:
            pipe.hget(key, "question")
            pipe.hdel(key, "question")
            encrypted, _ = pipe.execute()
            if encrypted:
                store.hset(key, "taken_at", str(time.time()))
                store.expire(key, EXPIRY_SECONDS)
        values = decrypt(encrypted.decode()) if encrypted else None
    except (broker.BrokerUnavailable, WrongKey):
        return None  # the page says that no worker answers
    if values is None:
        return None
    return Question(
        subject=Subject(values["subject"]),
        language=values["language"],
        connection=json.loads(values["connection"]),
        kind=values["kind"],
        options=json.loads(values["options"]),
        secrets=json.loads(values["secrets"]),
    )


def store_answer(inquiry_id: str, content: Mapping[str, Any]) -> None:
    """Store what was found out, unless the broker is unavailable."""
    try:
        with broker.store() as store, store.pipeline(transaction=True) as pipe:
            pipe.hset(_key(inquiry_id), "answer", json.dumps(dict(content)))
            pipe.expire(_key(inquiry_id), EXPIRY_SECONDS)
            pipe.execute()
    except broker.BrokerUnavailable:
        return


def answer_of(inquiry_id: str) -> Answer:
    """Return what is known of a question now."""
    try:
        with broker.store() as store:
            stored: dict[bytes, bytes] = store.hgetall(_key(inquiry_id))  # type: ignore[assignment]  # not awaitable
            has_worker = b"taken_at" in stored or bool(store.exists(broker.HEARTBEAT_KEY))
    except broker.BrokerUnavailable:
        return Answer(state=AnswerState.NO_WORKER)
    if b"asked_at" not in stored:
        return Answer(state=AnswerState.UNKNOWN)
    connection = json.loads(stored[b"connection"])
    if b"answer" in stored:
        return Answer(state=AnswerState.ANSWERED, connection=connection, content=json.loads(stored[b"answer"]))
    return Answer(state=_state(stored, time.time(), has_worker=has_worker), connection=connection)


def _state(stored: Mapping[bytes, bytes], now: float, *, has_worker: bool) -> AnswerState:
    """Return how far a question is that has no answer."""
    if taken_at := stored.get(b"taken_at"):
        return AnswerState.SILENT if now - float(taken_at) > LIMIT_SECONDS else AnswerState.WAITING
    is_late = now - float(stored[b"asked_at"]) > TAKING_SECONDS
    return AnswerState.NO_WORKER if is_late or not has_worker else AnswerState.WAITING


def _key(inquiry_id: str) -> str:
    return f"launchpad:inquiry:{inquiry_id}"
