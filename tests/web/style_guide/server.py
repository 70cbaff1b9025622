"""Serve the style guide on a free port of this machine, inside the process of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.test import override_settings

TEMPLATES = Path(__file__).parent / "templates"


class QuietHandler(WSGIRequestHandler):
    """Answers without a line in the log for each request."""

    def log_message(self, *_: Any) -> None: ...


def guide_settings() -> dict[str, Any]:
    """Return the settings in which the guide differs: its addresses and templates, no sessions and no database."""
    engine = {
        **settings.TEMPLATES[0],
        "DIRS": [TEMPLATES, settings.BASE_DIR / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "tests.web.style_guide.urls.shell",
            ]
        },
    }
    return {
        "ROOT_URLCONF": "tests.web.style_guide.urls",
        "TEMPLATES": [engine],
        "MIDDLEWARE": [
            "csp.middleware.CSPMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django_htmx.middleware.HtmxMiddleware",
        ],
        "STORAGES": {
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "CSRF_COOKIE_SECURE": False,
    }


@contextmanager
def serving() -> Iterator[str]:
    """Serve the guide until the block ends; gives its address."""
    with override_settings(**guide_settings()):
        server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
        server.daemon_threads = True
        server.set_app(StaticFilesHandler(WSGIHandler()))
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join(timeout=5)
