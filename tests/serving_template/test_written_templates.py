"""Whole templates, as people keep them in git, give what a container needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deployments.serving_template import (
    Amounts,
    HealthCheck,
    Mount,
    SecretKey,
    ServerSpec,
    ServingTemplate,
    parse,
    render,
    validate_bindings,
)
from deployments.serving_template.leftovers import unused_parts

FOLDER = Path(__file__).parent
TEMPLATES = {
    template.executable_id: template
    for template in parse((FOLDER / "as_users_write_them.yaml").read_text(), to_import=True)
}
# Templates for the proof on a real engine; the head of each says what its image needs and what must happen.
FOR_AN_ENGINE = sorted((FOLDER / "templates").glob("*.yaml"))
GB = 1 << 30
EXPECTED: dict[str, dict[str, Any]] = {
    "text-embeddings": {
        "args": (*("--model-id", "example/embed-small", "--port", "8080", "--max-batch-tokens", "16384"),),
        "health_check": HealthCheck(path="/health", initial_delay_seconds=30, period_seconds=10),
        "mounts": (
            Mount(path="/dev/shm", in_memory=True, size_bytes=512 << 20),
            Mount(path="/data", size_bytes=10 * GB),
        ),
        "resource_plan": "infer.s",
    },
    "chat-server": {
        "args": (
            "python3 -m chat.server --model example/chat-7b --dtype half --gpu-memory-utilization 0.90 "
            "--host 0.0.0.0 --port {{runtime.port}}\n",
        ),
        "pull_secrets": ("docker-registry",),
        "secret_env": {"HUB_TOKEN": SecretKey(secret="hub", key="token")},
        "health_check": HealthCheck(path=""),
    },
    "repository-server": {
        "command": (),
        "args": ("tritonserver", "--model-repository={{runtime.artifacts.repository}}", "--http-port=8000"),
        "ports": (8000, 8001, 8002),
        "health_check": HealthCheck(path="/v2/health/ready", failure_threshold=5),
        "resource_plan": "train.l",
        "model": "",
    },
    "mlflow-model": {
        "model": "mlflowmodel",
        "env": {"STORAGE_URI": "{{runtime.artifacts.mlflowmodel}}", "MLFLOW_MODELS_WORKERS": "2"},
        "health_check": HealthCheck(path=""),
        "argv": (),
    },
    "two-artifacts": {
        "command": ("gunicorn", "--bind=0.0.0.0:5000", "app:create(model='{{runtime.artifacts.model}}')"),
        "env": {"VOCABULARY": "{{runtime.artifacts.vocabulary}}/words.txt"},
        "resource_plan": "starter",
    },
    "with-resources": {
        "resource_plan": "",
        "amounts": Amounts(cpu_millis=1500, memory_bytes=2 * GB, gpus=1),
        "min_replicas": 1,
    },
    "onnx-format": {
        "image": "",
        "argv": (
            *("python", "-m", "launchpad_model_servers.onnx_server", "--model-name=onnx-format"),
            *("--model={{runtime.artifacts.squeeze}}", "--threads=2"),
        ),
        "env": {"OMP_NUM_THREADS": "2"},
        "health_check": None,
        "model": "squeeze",
    },
    "all-by-parameters": {
        "image": "registry.example.com/team/server:1.10",
        "ports": (9000,),
        "resource_plan": "infer.m",
        "min_replicas": 2,
        "pull_secrets": ("our-registry",),
        "health_check": HealthCheck(path="/health", period_seconds=15),
        "mounts": (Mount(path="/dev/shm", in_memory=True, size_bytes=GB),),
    },
    "node-server": {
        "ports": (3000,),
        "health_path": "/healthz",
        "health_check": None,
        "working_dir": "/usr/src/app",
        "command": ("node", "server.js"),
    },
    "hardened": {"read_only_root": True, "mounts": (Mount(path="/tmp"),)},
}
UNUSED = {
    "repository-server": ["containers[0].livenessProbe"],
    "node-server": ["metadata.annotations[autoscaling.knative.dev/target]", "containers[0].imagePullPolicy"],
    "hardened": ["securityContext.runAsNonRoot", "securityContext.runAsUser"],
}


def rendered(template: ServingTemplate) -> ServerSpec:
    """Render with the defaults, as the untouched form of the wizard does."""
    values = {parameter.name: parameter.default or "example/image:1" for parameter in template.parameters}
    artifacts = {artifact.name: f"{{{{runtime.artifacts.{artifact.name}}}}}" for artifact in template.artifacts}
    chosen = {artifact.name: ("an-id", "model") for artifact in template.artifacts}
    assert validate_bindings(template, parameters=values, artifacts=chosen) == {}
    return render(template, parameters=values, artifacts=artifacts)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_template_gives_what_it_says(name: str) -> None:
    spec = rendered(TEMPLATES[name])

    assert {field: getattr(spec, field) for field in EXPECTED[name]} == EXPECTED[name]
    assert unused_parts(TEMPLATES[name]) == UNUSED.get(name, [])


def test_every_template_of_the_file_is_looked_at() -> None:
    assert TEMPLATES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("path", FOR_AN_ENGINE, ids=lambda path: path.stem)
def test_a_template_for_an_engine_is_imported_whole(path: Path) -> None:
    (template,) = parse(path.read_text(), filename=path.name, to_import=True)

    assert template.executable_id == path.stem
    assert [part for part in unused_parts(template) if "knative" not in part] == []
    spec = rendered(template)
    assert spec.image
    for code in (item for item in spec.argv if item.startswith("import ")):
        compile(code, path.name, "exec")
