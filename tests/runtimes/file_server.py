"""A web server for downloads that breaks off, changes its files, redirects, and remembers what it was asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What it answers, to be changed by the test.

    Args:
        content: of every path that has no other answer.
        etag, modified: headers of it, `""` for none.
        breaks_after: bytes after which each of the next answers breaks off.
        statuses: of the next answers.
        location: where to send everybody, `""` for nowhere.
        kind: content type.
        ranges: whether a part may be asked for.
    """

    content: bytes = b"a model"
    etag: str = ""
    modified: str = ""
    breaks_after: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    location: str = ""
    kind: str = "application/octet-stream"
    ranges: bool = True
    port: int = 0
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def header(self, name: str) -> list[str]:
        """Return a header of each request, `""` where there was none."""
        return [headers.get(name, "") for _, headers in self.asked]


@contextmanager
def running_file_server() -> Iterator[FileServer]:
    known = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known.asked.append((self.path, dict(self.headers.items())))
            _answer(self, known)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        known.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield known
        finally:
            server.shutdown()
            thread.join()


def _answer(handler: BaseHTTPRequestHandler, known: FileServer) -> None:
    headers = handler.headers
    if known.statuses or known.location:
        handler.send_response(known.statuses.pop(0) if known.statuses else 302)
        if known.location:
            handler.send_header("Location", known.location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    same = known.etag and headers.get("If-None-Match") == known.etag
    if same or (known.modified and headers.get("If-Modified-Since") == known.modified):
        handler.send_response(304)
        handler.end_headers()
        return
    validator = headers.get("If-Range")
    start = 0
    if known.ranges and "Range" in headers and validator and validator in {known.etag, known.modified}:
        start = int(headers["Range"].removeprefix("bytes=").rstrip("-"))
    handler.send_response(206 if start else 200)
    total = len(known.content)
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
    for name, value in (("ETag", known.etag), ("Last-Modified", known.modified), ("Content-Type", known.kind)):
        if value:
            handler.send_header(name, value)
    handler.send_header("Content-Length", str(total - start))
    handler.end_headers()
    rest = known.content[start:]
    if known.breaks_after:
        handler.wfile.write(rest[: known.breaks_after.pop(0)])
        handler.wfile.flush()
        handler.connection.shutdown(socket.SHUT_RDWR)
        return
    handler.wfile.write(rest)
