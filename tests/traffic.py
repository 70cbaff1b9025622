"""A crowd of clients that send requests all the time and count what fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import urllib3

from tests.waiting import wait_until


@dataclass
class Traffic:
    """What a crowd of clients has seen. `failures` are sentences, one for each answer that was not 200."""

    answered: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        with self.lock:
            return sum(self.answered.values()) + len(self.failures)

    @property
    def unexpected(self) -> list[str]:
        """The failures but those of a POST that was at a server when it was killed: it may have had an effect."""
        with self.lock:
            return [failure for failure in self.failures if "POST: 502" not in failure or "broke off" not in failure]

    def more(self, count: int = 100) -> None:
        """Wait until this many more requests are answered."""
        enough = self.total + count
        wait_until(lambda: self.total >= enough, timeout=60, what=f"{count} more requests are answered")

    def note(self, server: str, failure: str) -> None:
        with self.lock:
            if failure:
                self.failures.append(failure)
            else:
                self.answered[server] = self.answered.get(server, 0) + 1


@contextmanager
def crowd(
    pool: Callable[[], urllib3.HTTPSConnectionPool],
    path: str,
    headers: Mapping[str, str],
    *,
    clients: int = 8,
    per_second: float = 100.0,
) -> Iterator[Traffic]:
    """Send GET and POST requests over connections that are kept; each client has one.

    Args:
        pool: makes the connections of one client.
        per_second: requests of all clients together.
    """
    seen, over = Traffic(), threading.Event()
    threads = [
        threading.Thread(target=_client, args=(pool, path, headers, seen, over, clients / per_second))
        for _ in range(clients)
    ]
    for one in threads:
        one.start()
    try:
        wait_until(lambda: seen.total > clients, what="traffic flows")
        yield seen
    finally:
        over.set()
        for one in threads:
            one.join()


def _client(
    new_pool: Callable[[], urllib3.HTTPSConnectionPool],
    path: str,
    headers: Mapping[str, str],
    seen: Traffic,
    over: threading.Event,
    pause: float,
) -> None:
    with new_pool() as pool:
        for number in range(1_000_000):
            if over.wait(pause):
                return
            method, body = ("POST", b"x" * 500) if number % 2 else ("GET", None)
            try:
                answer = pool.urlopen(method, path, body=body, headers=headers)
            except urllib3.exceptions.HTTPError as error:
                seen.note("", f"{time.time():.3f} {method}: {error!r}")
                continue
            if answer.status == 200:
                seen.note(answer.json().get("server", ""), "")
            else:
                seen.note("", f"{time.time():.3f} {method}: {answer.status} {answer.data!r}")
