"""A small model server for the tests of the gateway; run as a process of its own so that it can be killed.

    python model_server.py PORT NAME

/health is 200, or 503 while there is a file named like the server in the working directory; /events streams three
events half a second apart; /socket answers an upgrade and echoes bytes; /slow answers after a second; /broken is 500;
/die-once ends the server that finds the file `die`; everything else tells what arrived, with the headers that the
request's header X-Answer asks for, as a JSON object.
"""

import hashlib
import json
import os
import sys
import threading
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
        if path == "/health":
            self.answer(503 if os.path.exists(self.name) else 200, {})
        elif path == "/events":
            self.stream()
        elif path == "/socket":
            self.upgrade()
        elif path == "/slow":
            threading.Event().wait(1.0)
            self.tell()
        elif path == "/broken":
            self.answer(500, {"error": "The model is broken."})
        else:
            self.tell()

    def do_POST(self) -> None:
        if self.path == "/die-once":
            try:
                os.unlink("die")
            except FileNotFoundError:
                pass
            else:
                os._exit(1)
        self.tell()

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

    def stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number in range(3):
            self.wfile.write(f"data: {number}\n\n".encode())
            self.wfile.flush()
            threading.Event().wait(0.5)
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
