"""Templates of containers: what an import says, which plan is chosen, and what opens the registry of their image."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deployments import operations
from deployments.bootstrap.seed import CATALOG
from deployments.errors import InvalidInput, SecretMissing
from deployments.models import Actor, Configuration, Connection, Deployment, Executable, Generation, Role, Secret
from deployments.operations.secrets import create_secret, replace_secret
from deployments.runtimes.base import HealthCheck, Mount
from deployments.scheduling import secret_values
from deployments.scheduling.compatibility import problem_on
from deployments.scheduling.server_specs import replica_spec, server_spec_of, to_dict
from deployments.serving_template import TemplateInvalid, parse
from deployments.serving_template.model_formats import FORMATS
from deployments.storage.secrets import encrypt
from tests import factories as make

pytestmark = pytest.mark.django_db

ADMINISTRATOR = Actor(name="ada", role=Role.ADMINISTRATOR)
CONFIG = json.dumps({"auths": {"registry.example.com": {"username": "u", "password": "a-password"}}})
HEAD = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata: {name: contained, labels: {scenarios.ai.sap.com/id: contained, ai.sap.com/version: 1.0.0}}
spec:
  template:
"""
PREDICTOR = """\
    spec:
      predictor:
        imagePullSecrets: [{name: mine}]
        containers:
          - image: registry.example.com/contained:1
            workingDir: /srv
            securityContext: {readOnlyRootFilesystem: true}
            readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 5}
            ports: [{containerPort: 80}]
            resources: {limits: {cpu: 2, memory: 3Gi}}
            volumeMounts: [{name: tmp, mountPath: /tmp}]
        volumes: [{name: tmp, emptyDir: {}}]
"""
SIDECAR = "      predictor: {containers: [{image: a/b}, {image: a/proxy}], initContainers: [{image: a/warm}]}\n"


@pytest.fixture
def on_containers() -> Connection:
    """A connection whose runtime runs images."""
    make.make_group()
    Connection.objects.update(kind="fake", options={})
    for name, cpu, memory, gpus in (("small", 1, 4, 0), ("wide", 8, 4, 0), ("fits", 2, 8, 0), ("gpu", 2, 4, 1)):
        make.make_plan(name, cpu_millis=cpu * 1000, memory_bytes=memory * 1_000_000_000, gpus=gpus)
    return Connection.objects.get()


def configured(text: str) -> Configuration:
    executable = operations.import_templates(ADMINISTRATOR, text)[0].executable
    return make.make_configuration(executable=executable, inputs={}, parameters={})


def deploy(configuration: Configuration) -> Deployment:
    return operations.create_deployment(ADMINISTRATOR, make.make_group(), configuration)


def test_an_import_that_is_refused_changes_nothing_and_says_every_part() -> None:
    text = f"{HEAD}    spec:\n{SIDECAR}"
    with pytest.raises(TemplateInvalid) as caught:
        operations.import_templates(ADMINISTRATOR, text, filename="contained.yaml")

    lines = str(caught.value).splitlines()
    assert [line.partition(": ")[0].rpartition(".")[2] for line in lines] == ["initContainers", "containers[1]"]
    assert all(line.startswith("contained.yaml, line 7, ") for line in lines)
    assert not Executable.objects.exists()


def test_one_that_is_there_already_is_refused_by_connections_that_run_images(on_containers: Connection) -> None:
    executable = make.make_executable("contained", text=f"{HEAD}    spec:\n{SIDECAR}")

    assert "only one container for each replica" in problem_on(on_containers, executable.template)
    on_containers.kind = "local"
    assert "connection of the kind Containers" in problem_on(on_containers, executable.template)
    executable.text = executable.text.replace("image: a/b", "image: a/b, command: [serve]")
    del executable.template
    assert problem_on(on_containers, executable.template) == "", "it goes on as it did"


def test_the_smallest_plan_that_has_the_resources_is_chosen(on_containers: Connection) -> None:
    def plan_for(limits: str) -> str:
        text = HEAD + PREDICTOR.replace("{cpu: 2, memory: 3Gi}", limits)
        return server_spec_of(configured(text)).resource_plan

    assert plan_for("{cpu: 500m}") == "small"
    assert plan_for("{cpu: 2, memory: 3Gi}") == "wide", "the least memory; idle CPU may be used by others"
    assert plan_for("{memory: 5G}") == "fits"
    assert plan_for("{nvidia.com/gpu: 1}") == "gpu"
    with pytest.raises(InvalidInput, match=r"asks for 100 CPU, 1\.02 GB of memory, 2 GPU, which no resource plan has"):
        plan_for("{cpu: 100, memory: 1.02G, nvidia.com/gpu: 2}")


def test_a_deployment_needs_what_opens_the_registry_of_its_image(on_containers: Connection) -> None:
    configuration, group = configured(HEAD + PREDICTOR), make.make_group()
    with pytest.raises(InvalidInput, match="with the secret mine, which the resource group default does not have"):
        deploy(configuration)
    secret = create_secret(ADMINISTRATOR, group, name="mine", values={"token": "x"})
    wrong = [{"token": "x"}, *({".dockerconfigjson": text} for text in ("", "{", "[]", "{}", '{"auths": {}}'))]
    for values in wrong:  # as versions stored them that did not look into it
        Secret.objects.update(encrypted=encrypt(values))
        with pytest.raises(InvalidInput, match="The secret mine opens no registry"):
            deploy(configuration)
    replace_secret(ADMINISTRATOR, secret, {".dockerconfigjson": CONFIG})

    assert deploy(configuration).pk


def test_a_secret_of_the_group_goes_before_one_for_all(on_containers: Connection) -> None:
    spec, group = server_spec_of(configured(HEAD + PREDICTOR)), make.make_group()
    create_secret(
        ADMINISTRATOR, None, name="mine", values={".dockerconfigjson": CONFIG.replace("a-password", "another")}
    )
    create_secret(ADMINISTRATOR, group, name="mine", values={".dockerconfigjson": CONFIG})
    assert secret_values.pull_secrets(group, spec) == (CONFIG,)


def test_a_runtime_without_images_needs_no_registry(on_containers: Connection) -> None:
    text = HEAD + PREDICTOR.replace("            workingDir", "            command: [serve]\n            workingDir")
    spec, group = server_spec_of(configured(text)), make.make_group()
    with pytest.raises(SecretMissing):
        secret_values.pull_secrets(group, spec)
    group.connection.kind = "local"
    assert secret_values.pull_secrets(group, spec) == ()


def test_a_replica_gets_all_of_it_and_nothing_secret_is_stored(on_containers: Connection) -> None:
    configuration, group = configured(HEAD + PREDICTOR), make.make_group()
    create_secret(ADMINISTRATOR, group, name="mine", values={".dockerconfigjson": CONFIG})
    stored: dict[str, Any] = to_dict(server_spec_of(configuration))
    assert "a-password" not in json.dumps(stored)
    generation = make.make_generation(make.make_deployment(configuration), server_spec=stored)
    replica = make.make_replica(Generation.objects.get(pk=generation.pk))

    opened = secret_values.pull_secrets(group, server_spec_of(configuration))
    spec = replica_spec(replica, server_spec_of(configuration), {}, {}, opened)
    assert (spec.image, spec.port, spec.working_dir) == ("registry.example.com/contained:1", 80, "/srv")
    assert (spec.read_only_root, spec.mounts) == (True, (Mount(path="/tmp"),))
    assert spec.health_check == HealthCheck(path="", period_seconds=5)
    assert spec.pull_secrets == (CONFIG,)
    assert "a-password" not in repr(spec)


def test_a_format_is_served_in_the_environment_of_the_built_in_template() -> None:
    """Else each would be built on its own, with other versions of its packages."""
    found = {
        template.executable_id.removesuffix("-server"): template.server.requirements
        for path in CATALOG.glob("*.yaml")
        for template in parse(path.read_text())
    }
    assert {name: set(one.requirements) for name, one in FORMATS.items()} == {
        name: set(found[name]) for name in FORMATS
    }


def test_a_model_format_shares_the_environment_and_runs_on_the_local_runtime() -> None:
    predictor = "      predictor: {model: {modelFormat: {name: sklearn}, storageUri: '{{inputs.artifacts.iris}}'}}\n"
    text = f"{HEAD}    spec:\n{predictor}".replace("spec:\n", "spec:\n  inputs: {artifacts: [{name: iris}]}\n", 1)
    make.make_plan("starter")
    (imported,) = operations.import_templates(ADMINISTRATOR, text)
    assert imported.warning == ""
    artifact = make.make_artifact()
    configuration = make.make_configuration(
        executable=imported.executable, inputs={"iris": str(artifact.pk)}, parameters={}
    )
    assert problem_on(make.make_connection(), imported.executable.template) == ""

    generation = make.make_generation(make.make_deployment(configuration))
    spec = replica_spec(make.make_replica(generation), server_spec_of(configuration), configuration.artifacts(), {})
    assert spec.shares_environment
    assert (spec.model, spec.fetches[0].placeholder) == ("iris", "iris")
