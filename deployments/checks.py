"""Django system checks of the settings, run at every start."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register

from deployments.runtimes.preparation import sandbox
from deployments.runtimes.registry import drivers

_ENGINES = {"django.db.backends.sqlite3", "django.db.backends.postgresql"}
_BROKERS = ("redis://", "rediss://", "redis+socket://")


@register
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Return the problems of the settings, each with a hint how to fix it."""
    return [*_home(), *_ports(), *_backends(), *_certificate(), *_limits(), *_file_roots(), *_sandbox(), *_runtimes()]


@register(Tags.security, deploy=True)
def check_sandbox(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Return what the sandbox around the model servers of this machine keeps from them, and what is missing of it."""
    if settings.LAUNCHPAD_SANDBOX == sandbox.OFF:
        hint = "Leave LAUNCHPAD_SANDBOX out, unless you trust all models and packages."
        return [Warning("The sandbox around model servers is switched off.", hint=hint, id="launchpad.W001")]
    present = ", ".join(sandbox.present()) or "nothing"
    if lacking := ", ".join(f"{name} ({needed})" for name, needed in sandbox.missing()):
        text = f"The sandbox around model servers restricts: {present}. Missing: {lacking}."
        hint = "Use a newer kernel, with Landlock and user namespaces switched on."
        return [Warning(text, hint=hint, id="launchpad.W001")]
    return [Info(f"The sandbox around model servers restricts: {present}.", id="launchpad.I001")]


def _home() -> Iterator[CheckMessage]:
    home = Path(settings.LAUNCHPAD_HOME)
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield Error(
            f"LAUNCHPAD_HOME is {home}, which cannot be written.",
            hint="Set it to a folder that the user who runs Launchpad can write.",
            id="launchpad.E001",
        )


def _ports() -> Iterator[CheckMessage]:
    ports = {name: getattr(settings, name) for name in ("LAUNCHPAD_PORT", "LAUNCHPAD_GATEWAY_PORT")}
    for name, port in ports.items():
        if not 0 < port < 65536:
            yield Error(f"{name} is {port}.", hint="A port is a number from 1 to 65535.", id="launchpad.E002")
    if len(set(ports.values())) == 1:
        yield Error(
            f"LAUNCHPAD_PORT and LAUNCHPAD_GATEWAY_PORT are both {settings.LAUNCHPAD_PORT}.",
            hint="Pages and predictions need a port each.",
            id="launchpad.E003",
        )


def _backends() -> Iterator[CheckMessage]:
    if settings.DATABASES["default"]["ENGINE"] not in _ENGINES:
        yield Error(
            f"DATABASE_URL asks for {settings.DATABASES['default']['ENGINE']}, which Launchpad is not tested with.",
            hint="Use PostgreSQL (postgresql://user:password@host:5432/name) or leave it out for SQLite.",
            id="launchpad.E004",
        )
    if not settings.BROKER_URL.startswith(_BROKERS):
        yield Error(
            "BROKER_URL is not the address of a Redis or Valkey server.",
            hint=f"It begins with one of {', '.join(_BROKERS)}; leave it out for the embedded one.",
            id="launchpad.E005",
        )


def _certificate() -> Iterator[CheckMessage]:
    paths = {name: getattr(settings, name) for name in ("LAUNCHPAD_TLS_CERT", "LAUNCHPAD_TLS_KEY")}
    if len([path for path in paths.values() if path]) == 1:
        yield Error(
            "Only one of LAUNCHPAD_TLS_CERT and LAUNCHPAD_TLS_KEY is set.",
            hint="Set both, or none for a certificate of the local authority.",
            id="launchpad.E006",
        )
    for name, path in paths.items():
        if path and not os.access(path, os.R_OK):
            yield Error(f"{name} is {path}, which cannot be read.", hint="Check path and rights.", id="launchpad.E007")


def _limits() -> Iterator[CheckMessage]:
    minima = {
        "LAUNCHPAD_CPU_OVERCOMMIT": 1,
        "LAUNCHPAD_MEMORY_GB": 0,
        "LAUNCHPAD_GRACE_SECONDS": 0,
        "LAUNCHPAD_UPLOAD_LIMIT_MB": 1,
        "LAUNCHPAD_WEB_PROCESSES": 1,
    }
    for name, minimum in minima.items():
        if getattr(settings, name) < minimum:
            yield Error(f"{name} is {getattr(settings, name):g}.", hint=f"At least {minimum}.", id="launchpad.E008")


def _file_roots() -> Iterator[CheckMessage]:
    for name in ("LAUNCHPAD_FILE_ROOTS", "LAUNCHPAD_SANDBOX_FOLDERS"):
        for root in getattr(settings, name):
            if not root.is_absolute() or not root.is_dir():
                yield Error(
                    f"{name} names {root}, which is not the absolute path of a folder.",
                    hint="Separate several folders by commas.",
                    id="launchpad.E009",
                )


def _sandbox() -> Iterator[CheckMessage]:
    if settings.LAUNCHPAD_SANDBOX not in sandbox.LEVELS:
        yield Error(
            f"LAUNCHPAD_SANDBOX is {settings.LAUNCHPAD_SANDBOX!r}.",
            hint=f"Set it to one of {', '.join(sandbox.LEVELS)}, or leave it out.",
            id="launchpad.E011",
        )


def _runtimes() -> Iterator[CheckMessage]:
    """Report what makes a runtime refuse to start servers."""
    for driver in drivers():
        if problem := driver.settings_problem():
            yield Error(problem, hint="Model servers are refused until then.", id="launchpad.E010")
