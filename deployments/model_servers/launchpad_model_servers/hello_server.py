"""The default command of the custom server: a light HTTP server that says what it was asked. Standard library only."""

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MOST_BODY = 1_000_000  # bytes
_DEFAULT_HOST, _DEFAULT_PORT = "127.0.0.1", "8080"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    server_version = "hello"
    wbufsize = -1  # head and body leave together
    timeout = 65  # seconds; longer than the gateway keeps an idle connection

    def do_GET(self) -> None:
        self._answer(200, {"message": "Hello! Send a POST to see it echoed.", "path": self.path})

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > _MOST_BODY:
            self.close_connection = True
            self._answer(413, {"error": f"A Content-Length of at most {_MOST_BODY} bytes is needed."})
            return
        body = self.rfile.read(int(length)).decode(errors="replace")
        self._answer(200, {"path": self.path, "body": body})

    def _answer(self, status: int, answer: dict[str, str]) -> None:
        content = json.dumps(answer, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing about single requests: health checks would fill the log."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    host = os.environ.get("HOST", _DEFAULT_HOST)
    port = int(os.environ.get("PORT", _DEFAULT_PORT))
    server = Server((host, port), Handler)
    sys.stdout.write(f"Listening on {host}:{port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
