"""Every reason is said in both languages, and what nobody here knows is shown readably all the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from deployments import messages, reasons
from deployments.errors import RuntimeRejected
from deployments.lifecycle import ReplicaPhase
from deployments.messages import TEXT, Message, render
from deployments.models import Deployment, Generation, columns_of
from deployments.queries.notifications import notifications_of
from deployments.reconciler.events import record_event
from deployments.runtimes import messages as runtime_messages
from deployments.runtimes.local import reading
from deployments.runtimes.local.messages import SENTENCES as OF_LOCAL
from tests import factories as make

# What stands for a value by its name; everything else is a name or a path, shown as it is.
NUMBERS = {"attempt", "code", "done", "files", "healthy", "latency", "minutes", "most", "number", "port", "replicas"}
NUMBERS |= {"requests", "servers", "first", "last", "status"}
SENTENCES_OF_OTHERS = {"Message", "StatusChanged"}  # nothing in them is ours to translate
SAME_IN_BOTH = {"CpuAmount", "GpuAmount", "HealthBrokenOff"}


class Asked(dict[str, Any]):
    """Gives a sentence a value for whatever it asks for, and notes what that was."""

    def __missing__(self, name: str) -> Any:
        self[name] = 3 if name in NUMBERS else f"«{name}»"
        return self[name]


@pytest.mark.parametrize("code", sorted(messages.declared()))
def test_every_reason_is_said_in_both_languages_with_its_values(code: str) -> None:
    for sentence in messages.declared()[code].sentences:
        asked = Asked()
        assert sentence % asked
        message = Message(code, dict(asked))

        with translation.override("en"):
            english = render(message)
        with translation.override("de"):
            german = render(message)

        for text in (english, german):
            assert "%(" not in text
            assert all(str(value) in text for value in asked.values())
        assert german != english or code in SENTENCES_OF_OTHERS | SAME_IN_BOTH


@pytest.mark.parametrize("code", sorted(runtime_messages.SENTENCES | OF_LOCAL))
def test_the_processes_beside_a_server_say_in_their_log_what_pages_say(code: str) -> None:
    for sentence in (runtime_messages.SENTENCES | OF_LOCAL)[code]:
        asked = Asked()
        assert sentence % asked

        assert runtime_messages.english(runtime_messages.message(code, **asked)) == render(Message(code, dict(asked)))


@pytest.mark.parametrize(
    ("message", "english", "german"),
    [
        (
            reasons.NEVER_FITS(
                short=[
                    reasons.MEMORY_SHORT(need_bytes=8_000_000_000, free_bytes=1_500_000_000),
                    reasons.GPU_SHORT(need=2, free=0, total=1),
                ]
            ),
            "Waiting for capacity: it needs 8 GB of memory, 1.5 GB of memory free; it needs 2 GPU, 0 GPU free "
            "(and 1 GPU in all). It can never fit here: choose a smaller plan.",
            "Wartet auf Kapazität: es braucht 8 GB Speicher, 1,5 GB Speicher frei; es braucht 2 GPU, 0 GPU frei "
            "(und insgesamt 1 GPU). Hier passt es nie: Wählen Sie einen kleineren Plan.",
        ),
        (
            reasons.ROLLED_BACK(
                configuration="new one",
                cause=Message(
                    runtime_messages.SERVER_EXITED,
                    {"code": 3, "during": "WhileStarting", "log": "ValueError: no such model"},
                ),
                serving="old one",
            ),
            "Update to new one failed: While it was starting: The server ended with exit code 3. Its log says: "
            "ValueError: no such model. Returned to old one.",
            "Die Aktualisierung auf new one ist gescheitert: Beim Start: Der Server endete mit Exit-Code 3. "
            "Sein Log sagt: ValueError: no such model. Zurück zu old one.",
        ),
        (
            reasons.RUNNING(also=reasons.DRAINING(requests=1, limit_seconds=300)),
            "Running. Waiting for 1 request to finish (at most 5 min).",
            "Läuft. Wartet, bis 1 Anfrage fertig ist (höchstens 5 min).",
        ),
        (
            reasons.FETCHING_ARTIFACTS(
                detail=[
                    Message(runtime_messages.FETCHING, {"done_bytes": 3_000_000, "total_bytes": 10_000_000}),
                    Message(runtime_messages.FETCHING, {"done_bytes": 4_500_000}),
                ]
            ),
            "Fetching the input artifacts: fetched 3 MB of 10 MB; fetched 4.5 MB",
            "Holt die Eingabeartefakte: 3 MB von 10 MB geholt; 4,5 MB geholt",
        ),
        (TEXT(text="whatever 100 % of a server says"), *["whatever 100 % of a server says"] * 2),
    ],
)
def test_messages_hold_messages_amounts_and_lengths_of_time(message: Message, english: str, german: str) -> None:
    assert Message.from_json(json.loads(json.dumps(message.to_json()))) == message

    with translation.override("en"):
        assert render(message) == english
    with translation.override("de"):
        assert render(message) == german


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (Message("ImagePullFailed"), "Image pull failed"),
        (Message("ImagePullFailed", {"image": "a/b:1", "tries": 3}), "Image pull failed (image: a/b:1, tries: 3)"),
        (Message("GPUNodeLost", {"node": "n1"}), "GPU node lost (node: n1)"),
        (Message("ServerExited"), "Server exited"),
        (Message("ServerExited", {"text": "It ended somehow."}), "It ended somehow."),
        (reasons.UPDATING(configuration="c", doing=Message("PullingImage")), "Updating to c: Pulling image"),
        (Message("Draining", {"requests": "many", "limit": "1 h"}), None),
        (Message("Running", {"during": "WhileFlying"}), "While flying (message: Running.)"),
    ],
)
def test_what_a_newer_version_says_or_leaves_out_is_readable(message: Message, said: str | None) -> None:
    assert render(message) == said if said is not None else render(message)


@pytest.mark.parametrize(("value", "said"), [(None, ""), ("", ""), ("It ended.", "It ended.")])
def test_what_was_stored_before_there_were_codes_is_kept(value: object, said: str) -> None:
    assert render(Message.from_json(value)) == said


def test_an_error_that_the_loop_writes_down_has_a_code_and_is_said_in_the_readers_language() -> None:
    error = RuntimeRejected(reasons.ARTIFACT_NOT_GIVEN(name="model"))

    assert error.message.reason == "ArtifactNotGiven"
    assert str(error).startswith("The template names the input artifact model")
    with translation.override("de"):
        assert not str(error).startswith("The template")
    assert RuntimeRejected("by somebody else").message == TEXT(text="by somebody else")


def test_the_state_of_a_server_that_the_version_before_has_started_is_read(tmp_path: Path) -> None:
    attempt = tmp_path / "d0123456789abcde-1-0" / "attempt-1"
    attempt.mkdir(parents=True)
    spec = {"name": "d0123456789abcde-1-0", "attempt": 1, "port": 20001, "at": 1.0, "grace_seconds": 5}
    ended = {
        "reason": "EXITED",
        "code": 3,
        "signal": None,
        "message": "The server ended.",
        "first_error": "",
        "at": 2.0,
    }
    (attempt / "spec.json").write_text(json.dumps(spec))
    (attempt / "state.json").write_text(json.dumps({"phase": "EXITED", "detail": "fetched 1 of 2 MB", "exit": ended}))

    replica = reading.inspect(attempt.parent)

    assert replica is not None
    assert replica.phase is ReplicaPhase.EXITED
    assert replica.exit is not None
    assert replica.exit.message == TEXT(text="The server ended.")


def test_only_known_codes_of_a_maker_are_taken_for_ours() -> None:
    line = runtime_messages.line_of(runtime_messages.FETCHING, done_bytes=1)
    assert runtime_messages.read_line(line) == {"reason": "Fetching", "params": {"done_bytes": 1}}

    for words in ("Resolved 3 packages", '{"reason": "Made up", "params": {}}', '{"reason": {}}', '{"reason": "Fetch'):
        assert runtime_messages.read_line(words) == {"reason": "Message", "params": {"text": words}}
    assert runtime_messages.read_line("") is None


def test_a_runtime_declares_no_code_that_all_runtimes_share() -> None:
    own: dict[str, tuple[str, ...]] = {}

    with pytest.raises(ValueError, match="declared twice"):
        runtime_messages.declare(own, runtime_messages.SERVER_EXITED, "It ended.")

    assert own == {}


@pytest.mark.django_db
def test_rows_are_asked_for_by_code() -> None:
    deployment = make.make_deployment(**columns_of(reasons.RUNNING(replicas=2)))
    waiting = reasons.WAITING_FOR_CAPACITY(short=[reasons.CPU_SHORT(need_millis=2000, free_millis=250)])
    generation = make.make_generation(deployment, waiting=waiting)

    assert Deployment.objects.get(reason="Running").message == reasons.RUNNING(replicas=2)
    assert Generation.objects.get(waiting__reason="WaitingForCapacity").waiting == waiting
    assert Generation.objects.get(waiting=waiting) == generation
    assert not Generation.objects.filter(waiting__reason="NeverFits").exists()
    Generation.objects.update(waiting=None)
    assert Generation.objects.get(waiting__isnull=True).waiting is None


@pytest.mark.django_db
def test_people_hear_of_a_status_that_was_reached_and_not_of_each_event_in_it() -> None:
    ada = make.make_user(username="ada")
    deployment = make.make_deployment(created_by="ada")
    record_event(deployment, reasons.RESTART_SCHEDULED(cause=TEXT(text="It ended."), number=0))
    assert notifications_of(ada) == []

    record_event(deployment, reasons.STATUS_CHANGED(message=reasons.RUNNING()), status="RUNNING")
    record_event(deployment, reasons.ENDS_SOON(minutes=1))

    said = [render(event.message) for event in notifications_of(ada)]
    assert said == ["Its duration ends in 1 minute; it will be stopped and deleted then.", "Running."]
