"""Rows for tests: plain functions that make one thing each, with what it needs, and return it."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

from django.utils import timezone

from deployments import serving_template
from deployments.lifecycle import ReplicaPhase, Status, Step, TargetStatus
from deployments.messages import TEXT
from deployments.models import (
    Artifact,
    Configuration,
    Connection,
    Deployment,
    DeploymentEvent,
    Executable,
    Generation,
    Replica,
    ResourceGroup,
    ResourcePlan,
    Role,
    Scenario,
    User,
    columns_of,
)
from deployments.reconciler.contact import record_contact
from deployments.runtimes.base import Node, Resources
from deployments.runtimes.local.driver import LocalRuntime
from deployments.runtimes.registry import runtime_for

_numbers = count(1)

TEMPLATE = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: {executable}
  annotations:
    scenarios.ai.sap.com/name: Scenario {scenario}
    scenarios.ai.sap.com/description: What {scenario} is for.
    executables.ai.sap.com/name: Template {executable}
    executables.ai.sap.com/description: What {executable} serves.
    artifacts.ai.sap.com/model.kind: model
    artifacts.ai.sap.com/model.description: The model that is served.
  labels:
    scenarios.ai.sap.com/id: {scenario}
    ai.sap.com/version: 1.2.0
spec:
  inputs:
    parameters:
      - name: greeting
        type: string
        default: hello
        description: What it says.
      - name: threads
        type: integer
        default: "2"
      - name: topic
        type: string
        description: What it talks about.
    artifacts:
      - name: model
  template:
    metadata:
      labels: |
        ai.sap.com/resourcePlan: tiny
    spec:
      predictor:
        minReplicas: 1
        maxReplicas: 2
        containers:
          - name: server
            command: [python, -m, http.server, "{{{{runtime.port}}}}"]
            args: ["{{{{inputs.parameters.greeting}}}}", "{{{{inputs.artifacts.model}}}}"]
            env:
              - name: TOPIC
                value: "{{{{inputs.parameters.topic}}}}"
"""


def make_connection(name: str = "local", **values: Any) -> Connection:
    """Return the connection of this name, made when it is missing, seen a moment ago with what this machine has."""
    connection, is_new = Connection.objects.get_or_create(name=name, defaults=values)
    if is_new:
        record_contact(connection, runtime_for(connection).nodes())
    return connection


def local_runtime() -> LocalRuntime:
    """Return the runtime of the connection `local`, made when it is missing."""
    runtime = runtime_for(make_connection())
    assert isinstance(runtime, LocalRuntime)
    return runtime


def capacity_of_machine() -> Resources:
    """Return what the connection `local` has, on its one node."""
    (node,) = local_runtime().nodes()
    return node.resources


def record_nodes(connection: Connection, *nodes: Resources | Node) -> None:
    """Let a connection be seen with these nodes; one without a name is `localhost`."""
    named = [node if isinstance(node, Node) else Node(name="localhost", resources=node) for node in nodes]
    record_contact(connection, named)


def make_group(pk: str = "default", **values: Any) -> ResourceGroup:
    """Return the resource group of this id, made when it is missing."""
    values.setdefault("connection", None)
    values["connection"] = values["connection"] or make_connection()
    return ResourceGroup.objects.get_or_create(pk=pk, defaults=values)[0]


def make_user(role: Role = Role.EDITOR, *, groups: list[ResourceGroup] | None = None, **values: Any) -> User:
    """Return a new person.

    Args:
        groups: the resource groups that they may see, None for all.
    """
    values.setdefault("username", f"{role.value}-{next(_numbers)}")
    password = values.pop("password", None)
    user = User(role=role, all_groups=groups is None, **values)
    user.set_password(password)
    user.save()
    user.resource_groups.set(groups or [])
    return user


def make_plan(
    pk: str = "tiny", *, cpu_millis: int = 250, memory_bytes: int = 512_000_000, gpus: int = 0
) -> ResourcePlan:
    """Return the resource plan of this name, made when it is missing."""
    values = {"cpu_millis": cpu_millis, "memory_bytes": memory_bytes, "gpus": gpus}
    return ResourcePlan.objects.get_or_create(pk=pk, defaults=values)[0]


def make_scenario(pk: str = "talking", **values: Any) -> Scenario:
    """Return the scenario of this id, made when it is missing."""
    values.setdefault("name", f"Scenario {pk}")
    return Scenario.objects.get_or_create(pk=pk, defaults=values)[0]


def make_executable(pk: str = "talker", *, scenario: str = "talking", text: str = "") -> Executable:
    """Return the deployment template of this id, made from `text` (TEMPLATE) when it is missing."""
    if found := Executable.objects.filter(pk=pk).first():
        return found
    make_plan()
    template = serving_template.parse(text or TEMPLATE.format(executable=pk, scenario=scenario))[0]
    return Executable.objects.create(
        pk=pk,
        scenario=make_scenario(scenario),
        name=template.name,
        description=template.description,
        version=template.version,
        labels=template.labels,
        text=template.text,
    )


def make_artifact(group: ResourceGroup | None = None, **values: Any) -> Artifact:
    """Return a new artifact, a model of the scenario `talking` unless told otherwise."""
    number = next(_numbers)
    return Artifact.objects.create(
        resource_group=group or make_group(),
        **{
            "scenario": values.pop("scenario", None) or make_scenario(),
            "name": f"model-{number}",
            "kind": "model",
            "url": f"https://models.example.com/{number}",
            **values,
        },
    )


def make_configuration(
    group: ResourceGroup | None = None, executable: Executable | None = None, **values: Any
) -> Configuration:
    """Return a new configuration with all values that TEMPLATE asks for."""
    group = group or make_group()
    executable = executable or make_executable()
    if "inputs" not in values:
        values["inputs"] = {"model": str(make_artifact(group, scenario=executable.scenario).pk)}
    return Configuration.objects.create(
        resource_group=group,
        scenario=executable.scenario,
        executable=executable,
        **{
            "name": f"configuration-{next(_numbers)}",
            "parameters": {"greeting": "hello", "threads": "2", "topic": "weather"},
            **values,
        },
    )


def make_deployment(
    configuration: Configuration | None = None, *, status: Status = Status.RUNNING, **values: Any
) -> Deployment:
    """Return a new deployment in `status`; what is wanted of it fits that status. No pass is due."""
    configuration = configuration or make_configuration()
    ended = status in {Status.STOPPING, Status.STOPPED}
    return Deployment.objects.create(
        resource_group=configuration.resource_group,
        configuration=configuration,
        **{
            "status": status.value,
            "target_status": (TargetStatus.STOPPED if ended else TargetStatus.RUNNING).value,
            "observed_generation": 0 if status == Status.UNKNOWN else 1,
            "serving_generation": 1 if status == Status.RUNNING else None,
            "next_reconcile_at": None,
            **values,
        },
    )


def make_generation(deployment: Deployment, number: int = 1, **values: Any) -> Generation:
    """Return a new generation of a deployment, with every step done when the deployment is RUNNING."""
    done = list(Step) if deployment.status == Status.RUNNING else [Step.REQUESTED]
    began: datetime = values.get("began_at") or timezone.now()
    return Generation.objects.create(
        deployment=deployment,
        number=number,
        **{
            "configuration": deployment.configuration,
            "began_at": began,
            "steps": {step.value: began.isoformat() for step in done},
            "outcome": Generation.Outcome.RUNNING if deployment.status == Status.RUNNING else "",
            **values,
        },
    )


def make_replica(generation: Generation, number: int = 0, **values: Any) -> Replica:
    """Return a new healthy replica that holds what the plan `tiny` gives."""
    return Replica.objects.create(
        generation=generation,
        number=number,
        name=f"{generation.deployment_id}-{generation.number}-{number}",
        **{
            "host": "127.0.0.1",
            "port": 20000 + next(_numbers),
            "phase": ReplicaPhase.HEALTHY.value,
            "healthy_since": timezone.now(),
            "cpu_millis": 250,
            "memory_bytes": 512_000_000,
            **values,
        },
    )


def said(words: str) -> dict[str, Any]:
    """Return the columns of a row that says these words, which are nobody's of ours."""
    return columns_of(TEXT(text=words))


def make_event(deployment: Deployment, message: str = "Something happened.", **values: Any) -> DeploymentEvent:
    """Return a new line of a deployment's history."""
    return DeploymentEvent.objects.create(
        deployment=deployment,
        **{
            "generation": deployment.generation,
            "status": deployment.status,
            **said(message),
            **values,
        },
    )
