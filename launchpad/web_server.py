"""How gunicorn serves the pages: settings that it reads as its configuration file.

The application is loaded before the worker processes are forked, so that they share its memory.
"""

import gc
from typing import Any

from django.urls import get_resolver

from launchpad import settings

bind = f"unix:{settings.LAUNCHPAD_WEB_SOCKET}"  # behind the gateway; `--bind` for a web server on its own
umask = 0o177  # of the socket
secure_scheme_headers = {"X-FORWARDED-PROTO": "https"}  # what the gateway sets
forwarder_headers = ""  # the gateway does not remove them, so a client could set them
workers = settings.LAUNCHPAD_WEB_PROCESSES
worker_class = "launchpad.web_worker.Worker"
threads = 8
limit_request_line = 8190  # bytes; the gateway answers longer ones with 414
preload_app = True
keepalive = 15
timeout = 20  # seconds without a heartbeat of a worker process; its threads may work for longer
graceful_timeout = 8
worker_tmp_dir = str(settings.LAUNCHPAD_HOME / "run")
control_socket_disable = True
proc_name = "launchpad"


def pre_fork(server: Any, worker: Any) -> None:
    """Load the views too; then exempt it all from garbage collection, which would write to (so copy) shared memory."""
    get_resolver().url_patterns  # noqa: B018  its first use loads the views
    gc.freeze()
