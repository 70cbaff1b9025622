"""The log of a deployment, written by real servers of the local runtime."""

from __future__ import annotations

import getpass
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.lifecycle import ReplicaPhase, Status
from deployments.models import Attempt, Deployment, Replica, Role
from deployments.queries.deployment_logs import SCAN_LINES
from deployments.queries.log_source import LOG_TIMEOUT, MAX_CONCURRENT_READS
from deployments.runtimes import registry
from deployments.runtimes.base import LogLine, ReplicaSpec, Resources
from deployments.runtimes.local.attempt_log import AttemptLog
from deployments.runtimes.local.driver import LocalRuntime
from tests import factories as make
from tests.waiting import wait_until
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

Write = Callable[..., Replica]


@pytest.fixture
def runtime(settings: Any, tmp_path: Path) -> Iterator[LocalRuntime]:
    """The runtime of the settings, in a home of its own."""
    settings.LAUNCHPAD_HOME = tmp_path
    settings.LAUNCHPAD_RUN_AS = getpass.getuser()
    registry.close_all()
    here = make.local_runtime()
    yield here
    for seen in here.list_all():
        here.stop(seen.name, seen.attempt)
    wait_until(
        lambda: all(seen.phase is ReplicaPhase.EXITED for seen in here.list_all()), what="all servers have ended"
    )
    registry.close_all()


def _exited(runtime: LocalRuntime, name: str) -> bool:
    return all(seen.phase is ReplicaPhase.EXITED for seen in runtime.list_all() if seen.name == name)


@pytest.fixture
def write(runtime: LocalRuntime) -> Write:
    """Run a shell script as the server of a deployment and wait until it has ended."""

    def written(deployment: Deployment, script: str, *, number: int = 0, wait: bool = True) -> Replica:
        generation = deployment.generations.first() or make.make_generation(deployment)
        replica = make.make_replica(generation, number)
        spec = ReplicaSpec(
            name=replica.name,
            attempt=1,
            command=("/bin/sh", "-c", script),
            resources=Resources(cpu_millis=100, memory_bytes=200_000_000),
            health_path="/",
        )
        runtime.start(spec)
        if wait:
            wait_until(lambda: _exited(runtime, replica.name), what="the script has ended")
        return replica

    return written


def signed_in(client: Client, role: Role = Role.VIEWER) -> Client:
    client.force_login(make.make_user(role))
    return client


def shown(html: str) -> list[str]:
    """Return the texts of the lines, without our own on the attempt's begin and end."""
    html = re.sub(r'<ol class="unfinished".*?</ol>', "", html, flags=re.DOTALL)
    return _texts(html)


def unfinished(html: str) -> list[str]:
    """Return the texts of the lines that have no end yet."""
    return _texts("".join(re.findall(r'<ol class="unfinished".*?</ol>', html, re.DOTALL)))


def _texts(html: str) -> list[str]:
    lines = re.findall(r'<li class="\s*(\w+)[^>]*>\s*<time.*?<span class="text">(.*?)</span>\s*</li>', html, re.DOTALL)
    return [unescape(re.sub("<[^>]+>", "", text)) for stream, text in lines if stream != "launchpad"]


def logs(client: Client, deployment: Deployment, **query: str) -> str:
    answer = client.get(reverse("deployment-logs", args=[deployment.pk]), query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def count_to(last: int) -> str:
    return f"i=1; while [ $i -le {last} ]; do echo line $i; i=$((i+1)); done"


def test_the_newest_line_comes_first_and_the_order_can_be_turned(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, "echo first; echo second")
    signed_in(client)

    assert shown(logs(client, deployment)) == ["second", "first"]
    assert shown(logs(client, deployment, order="oldest")) == ["first", "second"]


def test_filters_by_text_stream_replica_and_attempt(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    first = write(deployment, "echo Apple; echo pear >&2")
    write(deployment, "echo apple pie", number=1)
    signed_in(client)

    assert sorted(shown(logs(client, deployment, q="APPLE"))) == ["Apple", "apple pie"]
    assert '<mark class="">Apple</mark' in squeezed(logs(client, deployment, q="APPLE"))
    assert shown(logs(client, deployment, stream="stderr")) == ["pear"]
    assert sorted(shown(logs(client, deployment, replica=first.name))) == ["Apple", "pear"]
    assert shown(logs(client, deployment, attempt="2")) == []


def test_filters_by_time_in_the_readers_zone(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, "echo now")
    signed_in(client)
    client.cookies["tz"] = "Asia%2FTokyo"
    there = timezone.now().astimezone(ZoneInfo("Asia/Tokyo"))
    before, after = (there + timedelta(minutes=minutes) for minutes in (-5, 5))

    assert shown(logs(client, deployment, start=f"{before:%Y-%m-%dT%H:%M}", end=f"{after:%Y-%m-%dT%H:%M}")) == ["now"]
    assert shown(logs(client, deployment, start=f"{after:%Y-%m-%dT%H:%M}")) == []
    assert shown(logs(client, deployment, end=f"{before:%Y-%m-%dT%H:%M}")) == []
    assert "Enter a valid date/time." in logs(client, deployment, start="yesterday")


def test_a_long_log_comes_in_pages_without_a_line_lost_or_doubled(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, count_to(450))
    signed_in(client)

    for order in ("", "oldest"):
        html = logs(client, deployment, **({"order": order} if order else {}))
        lines = shown(html)
        while more := re.search(r'<li class="more">\s*<a[^>]*href="([^"]+)"', html):
            html = client.get(unescape(more[1]), headers={"HX-Request": "true"}).content.decode()
            assert "<html" not in html
            lines += shown(html)
        expected = [f"line {i}" for i in range(1, 451)]
        assert lines == (expected if order else expected[::-1])


def test_new_lines_are_appended_while_it_runs(client: Client, write: Write, tmp_path: Path) -> None:
    deployment = make.make_deployment(status=Status.RUNNING)
    gate = tmp_path / "gate"
    write(deployment, f"echo before; while [ ! -e {gate} ]; do sleep 0.05; done; echo after", wait=False)
    signed_in(client)
    html = wait_until(
        lambda: page if shown(page := logs(client, deployment)) == ["before"] else "", what="the first line is shown"
    )

    def tail(html: str) -> str:
        found = re.search(r'<li class="tail"[^>]*hx-get="([^"]+)"', html)
        assert found, "the log is not followed"
        return unescape(found[1])

    assert client.get(tail(html), headers={"HX-Request": "true"}).status_code == 204
    gate.touch()
    fresh = wait_until(
        lambda: client.get(tail(html), headers={"HX-Request": "true"}).content.decode(), what="the new line is shown"
    )

    assert shown(fresh) == ["after"]
    assert fresh.index('class="tail"') < fresh.index("after"), "the next one goes above it: newest first"
    assert tail(fresh) != tail(html)


def test_an_ended_deployment_is_not_followed(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, "echo bye")

    assert 'id="log-tail"' not in logs(signed_in(client), deployment)


def test_the_log_of_a_dead_one_opens_at_its_first_error(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.DEAD)
    replica = write(deployment, f"{count_to(300)}; echo 'ValueError: no such model'; echo after; exit 1")
    Attempt.objects.create(
        replica=replica, number=1, started_at=timezone.now(), first_error="ValueError: no such model", exit_code=1
    )
    signed_in(client)

    html = logs(client, deployment)

    lines = shown(html)
    assert lines[0] == "line 281"
    assert lines[-2:] == ["ValueError: no such model", "after"]
    assert re.search(r'<li class="[^"]*first-error\s*"\s+id="first-error">(?:(?!</li>).)*ValueError', html, re.DOTALL)
    assert shown(logs(client, deployment, all="1"))[0] == "after"


def test_colours_for_terminals_are_shown_other_sequences_taken_out_and_markup_is_not_run(
    client: Client, write: Write
) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, r"printf '\033]0;title\007\033[1;31mred\033[0m\033[2J <script>alert(1)</script>\n'")
    signed_in(client)

    html = logs(client, deployment)
    found = logs(client, deployment, q="ed <s")

    assert shown(html) == shown(found) == ["red <script>alert(1)</script>"]
    assert '<span class="red bold">red</span' in html
    assert '<mark class="red bold">ed</mark><mark class="">&lt;s</mark>' in squeezed(found)
    assert "<script>alert" not in html
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", html)


def test_download_gives_all_or_what_the_filters_take_oldest_first(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    replica = write(deployment, "echo one; echo two; echo three")
    signed_in(client)
    url = reverse("deployment-log-download", args=[deployment.pk])

    def texts(**query: str) -> list[str]:
        answer = client.get(url, query)
        assert answer["Content-Disposition"] == f'attachment; filename="{deployment.pk}.log"'
        lines = b"".join(answer.streaming_content).decode().splitlines()  # type: ignore[attr-defined]
        return [line for line in lines if " stdout " in line]

    whole = texts()
    assert [line.rpartition(" ")[2] for line in whole] == ["one", "two", "three"]
    assert f"{replica.name} attempt 1 stdout" in whole[0]
    assert datetime.fromisoformat(whole[0].split(" ")[0])
    assert [line.rpartition(" ")[2] for line in texts(q="t")] == ["two", "three"]


def test_nothing_written_yet_says_so(client: Client, runtime: LocalRuntime) -> None:
    deployment = make.make_deployment(status=Status.PENDING)

    html = logs(signed_in(client), deployment)

    assert "Nothing has been written yet" in html
    assert "data-poll" in html


def test_the_newest_state_of_a_progress_bar_is_shown_while_it_runs(
    client: Client, write: Write, tmp_path: Path
) -> None:
    deployment = make.make_deployment(status=Status.PENDING)
    first, second = tmp_path / "first", tmp_path / "second"
    wait = "while [ ! -e {} ]; do sleep 0.05; done".format
    script = rf"printf '\r10 %%\r20 %%'; {wait(first)}; printf '\r30 %%'; {wait(second)}; printf '\rdone\n'; sleep 60"
    write(deployment, script, wait=False)
    signed_in(client)

    def tail(html: str) -> str:
        found = re.search(r'<li class="tail"[^>]*hx-get="([^"]+)"', html)
        assert found, "the log is not followed"
        return unescape(found[1])

    def poll(address: str, is_there: Callable[[str], bool]) -> str:
        def ask() -> str:
            html = client.get(address, headers={"HX-Request": "true"}).content.decode()
            return html if is_there(html) else ""

        return wait_until(ask, what="the next state is shown")

    page = wait_until(lambda: html if unfinished(html := logs(client, deployment)) else "", what="the bar is shown")
    assert unfinished(page) == ["20 %"]
    assert client.get(tail(page), headers={"HX-Request": "true"}).status_code == 204
    first.touch()
    later = poll(tail(page), lambda html: unfinished(html) == ["30 %"])
    second.touch()
    last = poll(tail(later), lambda html: shown(html) == ["done"])

    assert unfinished(last) == []


def test_a_page_of_a_long_log_costs_what_it_shows(client: Client, runtime: LocalRuntime) -> None:
    deployment = make.make_deployment(status=Status.RUNNING)
    replica = make.make_replica(make.make_generation(deployment), 0)
    at = _long_log(runtime, replica.name)
    Attempt.objects.create(
        replica=replica, number=1, started_at=timezone.now(), first_error="line 400000", first_error_at=at
    )
    address = reverse("deployment-logs", args=[deployment.pk])
    signed_in(client)
    logs(client, deployment)
    queries: dict[str, dict[str, str]] = {
        "newest": {},
        "oldest": {"order": "oldest"},
        "older": {"from": at.isoformat()},
        "error": {"error": str(replica.attempts.get().pk)},
        "nothing new": {"after": (timezone.now() - timedelta(seconds=1)).isoformat()},
        "search without a hit": {"q": "no such text"},
    }

    for what, query in queries.items():
        seconds = []  # of this thread's CPU: other tests may keep the machine busy
        for _ in range(3):
            began = time.thread_time()
            client.get(address, query, headers={"HX-Request": "true"} if "after" in query else {})
            seconds.append(time.thread_time() - began)
        # Of 100 MB, where all of it took 40 s: far from both, whatever the machine.
        assert min(seconds) < 1, f"{what}: {min(seconds) * 1000:.0f} ms"


def _long_log(runtime: LocalRuntime, name: str) -> datetime:
    """Write 100 MB of log for a replica, as its shim would have, and return the time of a line in its middle."""
    folder = runtime.home / "replicas" / name / "attempt-1"
    folder.mkdir(parents=True)
    began = timezone.now().timestamp() - 900_000
    with (folder / "log.jsonl").open("w") as file:
        for number in range(850_000):
            file.write(f'[{began + number:.6f}, "stdout", "line {number} {"x" * 80}"]\n')
    assert (folder / "log.jsonl").stat().st_size > 100_000_000
    return datetime.fromtimestamp(round(began + 400_000, 6), tz=UTC)


def test_a_search_that_finds_nothing_says_how_far_it_has_come(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, f"echo needle; seq 1 {SCAN_LINES}")
    signed_in(client)

    html = logs(client, deployment, q="needle")
    more = re.search(r'<a[^>]*href="([^"]+)"[^>]*intersect once', html)
    assert shown(html) == []
    assert "Searched up to" in html
    assert more, "the search cannot go on"

    assert shown(client.get(unescape(more[1]), headers={"HX-Request": "true"}).content.decode()) == ["needle"]


def test_what_was_removed_of_a_log_is_said_where_it_begins(client: Client, settings: Any, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    replica = write(deployment, "true")
    log = AttemptLog(f"{settings.LAUNCHPAD_HOME}/replicas/{replica.name}/attempt-1")
    for _ in range(6500):
        log.write("stdout", "x" * 8000)
    signed_in(client)

    html = logs(client, deployment, order="oldest")

    assert re.search(r"1\d\.\d MB of older lines were removed: the log of an attempt keeps its last 50 MB\.", html)
    assert html.index("of older lines were removed") < html.index("xxxx")


def test_an_address_of_an_older_page_opens_the_log(client: Client, write: Write) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    write(deployment, "echo word")
    signed_in(client)

    answer = client.get(reverse("deployment-logs", args=[deployment.pk]), {"from": "2026-01-01T00:00:00+00:00"})

    assert answer.status_code == 302
    assert shown(client.get(answer["Location"]).content.decode()) == ["word"]


class Silent:
    """A runtime whose logs do not come."""

    def __init__(self) -> None:
        self.calls = 0
        self.go_on = threading.Event()

    def logs(self, *_: Any, **__: Any) -> list[LogLine]:
        self.calls += 1
        self.go_on.wait(30)
        return []


def test_a_runtime_that_does_not_answer_holds_few_threads_for_a_short_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = make.make_deployment(status=Status.STOPPED)
    silent = Silent()
    monkeypatch.setattr(registry._OPEN, "runtime_of", lambda _: silent)
    signed_in(client)
    began = time.monotonic()

    for _ in range(MAX_CONCURRENT_READS + 1):
        assert "local has not answered within 2 s." in logs(client, deployment)

    assert time.monotonic() - began < (MAX_CONCURRENT_READS + 1) * (LOG_TIMEOUT + 1)
    assert silent.calls == MAX_CONCURRENT_READS
    silent.go_on.set()
    wait_until(lambda: "has not answered" not in logs(client, deployment), what="it answers again")
