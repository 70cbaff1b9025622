"""A small model server for the tests of the gateway; run as a process of its own so that it can be killed.

    python model_server.py PORT NAME

/health is 200, or 503 while there is a file named like the server in the working directory; /events streams three
events half a second apart, /ticks twenty a second as long as there is a client; /socket answers an upgrade and echoes
bytes; /slow answers after a second; /broken is 500; /die-once ends the server that finds the file `die`, /die each
one, and both leave a file `ran-NAME`; /parts tells how many bytes of a body arrive, as they arrive; /patient answers
when its client has gone, and leaves a file `gone`; everything else tells what arrived, with the headers that the
request's header X-Answer asks for, as a JSON object.
"""

import contextlib
import hashlib
import itertools
import json
import os
import sys
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer goes out at once: nobody can repeat a request that is half answered
    name = ""

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(6, 1, 1)  # TCP_NODELAY

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in ("/die-once", "/die"):
            self.die()
        elif path == "/health":
            self.answer(503 if os.path.exists(self.name) else 200, {})
        elif path == "/events":
            self.stream(range(3), 0.5)
        elif path == "/ticks":
            self.stream(itertools.count(), 0.05)
        elif path == "/socket":
            self.upgrade()
        elif path == "/slow":
            threading.Event().wait(1.0)
            self.tell()
        elif path == "/patient":
            self.wait_for_the_end()
        elif path == "/broken":
            self.answer(500, {"error": "The model is broken."})
        else:
            self.tell()

    def do_POST(self) -> None:
        if self.path == "/parts":
            self.echo_parts()
        elif self.path in ("/die-once", "/die"):
            self.die()
        else:
            self.tell()

    def do_PUT(self) -> None:
        self.do_POST()

    def die(self) -> None:
        open(f"ran-{self.name}", "w").close()
        try:
            os.unlink("die")
        except FileNotFoundError:
            if self.path != "/die":
                self.tell()
                return
        os._exit(1)

    def echo_parts(self) -> None:
        """Answer with a line for each chunk of a streamed body, before the next one is here."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
            self.wfile.write(f"{size}\n".encode())
            self.wfile.flush()
        self.close_connection = True

    def wait_for_the_end(self) -> None:
        open("waits", "w").close()
        with contextlib.suppress(ConnectionResetError):  # another way of going
            self.connection.recv(1)
        open("gone", "w").close()
        self.close_connection = True

    def tell(self) -> None:
        left, digest = int(self.headers.get("Content-Length", 0)), hashlib.sha256()
        size = left
        while left:
            chunk = self.rfile.read(min(left, 65536))
            digest.update(chunk)
            left -= len(chunk)
        headers = {key.lower(): ", ".join(self.headers.get_all(key, [])) for key in self.headers}
        facts = {"server": self.name, "method": self.command, "path": self.path, "headers": headers}
        more = json.loads(headers.get("x-answer", "{}"))
        self.answer(int(more.pop("status", 200)), {**facts, "size": size, "sha256": digest.hexdigest()}, **more)

    def answer(self, status: int, content: object, **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, numbers: Iterable[int], pause: float) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the client has gone
            for number in numbers:
                self.wfile.write(f"data: {number}\n\n".encode())
                self.wfile.flush()
                threading.Event().wait(pause)
        self.close_connection = True

    def upgrade(self) -> None:
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.send_header("Sec-WebSocket-Accept", "unchecked")
        self.end_headers()
        self.wfile.flush()
        while chunk := self.connection.recv(4096):
            self.connection.sendall(chunk)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 256


if __name__ == "__main__":
    Handler.name = sys.argv[2]
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
