"""Starts model servers as the local runtime does, but by hand: built environment, rendered command, scrubbed env."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from deployments.runtimes.wheel import ensure_wheel
from deployments.serving_template import ServerSpec, ServingTemplate, parse, render
from deployments.serving_template.modules import names_package
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
CATALOG = ROOT / "deployments" / "bootstrap" / "catalog"
CACHE = Path(os.environ.get("LAUNCHPAD_TEST_CACHE", "") or ROOT / ".cache")
UV = str(Path(sys.executable).with_name("uv"))
_HTTP = urllib3.PoolManager(retries=False, timeout=30)


def built_in_templates() -> dict[str, ServingTemplate]:
    found = {}
    for path in sorted(CATALOG.glob("*.yaml")):
        for template in parse(path.read_text(encoding="utf-8"), filename=path.name):
            found[template.executable_id] = template
    return found


def server_spec_for(executable_id: str, **parameters: str) -> ServerSpec:
    template = built_in_templates()[executable_id]
    return render(
        template,
        parameters=parameters,
        artifacts={slot.name: f"{{{{runtime.artifacts.{slot.name}}}}}" for slot in template.artifacts},
    )


def environment(requirements: tuple[str, ...]) -> Path:
    """Return the environment with these requirements, built at the first call and kept for later test runs."""
    wheel = ensure_wheel(CACHE / "wheels", uv=UV, python=sys.executable)
    lines = [*requirements, *([f"launchpad-model-servers @ {wheel.as_uri()}"] if names_package(requirements) else [])]
    key = "\n".join([sys.version, *lines]).encode()
    place = CACHE / "envs" / hashlib.sha256(key).hexdigest()[:16]
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other test processes wait until it is whole
        if not (place / "complete").exists():
            uv = [UV, "--quiet"]
            subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(place)], check=True)
            # Not compiled: servers compile what they import, a fifth of it, and keep that for the next ones.
            subprocess.run([*uv, "pip", "install", "--python", str(place / "bin" / "python"), *lines], check=True)
            (place / "complete").touch()
    return place


@dataclass(frozen=True)
class Answer:
    status: int
    json: Any


class Server:
    """A running model server."""

    def __init__(self, server_spec: ServerSpec, log: Path, artifacts: dict[str, Path] | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.server_spec = server_spec
        self.host = server_spec.env.get("HOST", "127.0.0.1")
        self.log = log
        replaced = {"{{runtime.port}}": str(self.port)}
        for name, artifact in (artifacts or {}).items():
            replaced[f"{{{{runtime.artifacts.{name}}}}}"] = str(artifact)
        programs = os.defpath
        if server_spec.requirements:
            programs = f"{environment(server_spec.requirements) / 'bin'}:{programs}"
        env = {"PATH": programs, "PORT": str(self.port), **server_spec.env}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [_filled(item, replaced) for item in server_spec.argv],
                env={name: _filled(value, replaced) for name, value in env.items()},
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
            )

    def wait_until_healthy(self) -> Server:
        wait_until(self._is_healthy, timeout=120, what=f"{self.server_spec.command} is healthy")
        return self

    def _is_healthy(self) -> bool:
        assert self.process.poll() is None, f"The server ended:\n{self.log.read_text()}"
        try:
            return self.ask("GET", self.server_spec.health_path).status == 200
        except HTTPError:
            return False

    def ask(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        answer = _HTTP.request(
            method, f"http://{self.host}:{self.port}{path}", body=body, headers=headers, preload_content=True
        )
        return Answer(answer.status, answer.json())

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=20)


def _filled(text: str, replaced: dict[str, str]) -> str:
    for placeholder, value in replaced.items():
        text = text.replace(placeholder, value)
    return text
