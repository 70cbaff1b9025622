"""Templates as users of AI Core write them: what a container gets of them, and what is refused at import."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import Any

import pytest

from deployments.errors import InvalidInput
from deployments.scheduling.server_specs import from_dict, to_dict
from deployments.serving_template import (
    Amounts,
    HealthCheck,
    Mount,
    Problem,
    ServerSpec,
    TemplateInvalid,
    parse,
    render,
)

HEAD = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: churn-server
  labels: {scenarios.ai.sap.com/id: churn, ai.sap.com/version: 1.0.3}
spec:
  inputs:
    artifacts: [{name: churnmodel}, {name: words}]
    parameters:
      - {name: port, type: string, default: "9000"}
      - {name: image, type: string, default: "registry.example.com/team/churn:1"}
      - {name: size, type: string, default: 2Gi}
      - {name: path, type: string, default: /ready}
  template:
"""
PREDICTOR = "    spec: |\n      predictor:\n"
IMAGE = "containers:\n  - image: registry.example.com/churn:1\n"


def of(predictor: str, *, labels: str = "") -> str:
    """Return a template with a predictor in a block string."""
    metadata = f"    metadata:\n      labels: |\n        {labels}\n" if labels else ""
    return HEAD + metadata + PREDICTOR + textwrap.indent(textwrap.dedent(predictor), "        ")


def container(lines: str) -> str:
    return of(IMAGE + textwrap.indent(textwrap.dedent(lines), "    "))


def rendered(text: str, **parameters: str) -> ServerSpec:
    artifacts = {name: f"{{{{runtime.artifacts.{name}}}}}" for name in ("churnmodel", "words")}
    return render(parse(text, to_import=True)[0], parameters=parameters, artifacts=artifacts)


def refused(text: str) -> list[Problem]:
    with pytest.raises(TemplateInvalid) as caught:
        parse(text, filename="churn.yaml", to_import=True)
    parse(text)  # a template that is there already goes on being read
    return caught.value.problems


def test_a_private_image_with_its_own_entrypoint_is_run() -> None:
    spec = rendered(
        of("""
        imagePullSecrets:
          - name: my-registry
        containers:
          - name: kserve-container
            image: {{inputs.parameters.image}}
            ports:
              - containerPort: {{ inputs.parameters.port }}
                protocol: TCP
            env:
              - name: STORAGE_URI
                value: "{{inputs.artifacts.churnmodel}}"
        """)
    )

    assert (spec.image, spec.command, spec.args) == ("registry.example.com/team/churn:1", (), ())
    assert (spec.ports, spec.pull_secrets, spec.model) == ((9000,), ("my-registry",), "churnmodel")
    assert spec.env == {"STORAGE_URI": "{{runtime.artifacts.churnmodel}}"}


def test_an_image_without_a_probe_is_healthy_when_its_port_is_open_as_on_knative() -> None:
    spec = rendered(of(IMAGE))

    assert spec.health_check == HealthCheck(path="")
    assert spec.readiness_check.any_answer, "nobody knows which path it has"


def test_references_to_variables_are_filled_in_as_kubernetes_does() -> None:
    spec = rendered(
        container("""
        command: [/bin/sh, -c, "serve --port $(PORT) --model $(MODEL) $(LATER) $$(MODEL) $(date)"]
        env:
          - {name: ROOT, value: "{{inputs.artifacts.churnmodel}}"}
          - {name: MODEL, value: $(ROOT)/model.bin}
        """)
    )

    model = "{{runtime.artifacts.churnmodel}}/model.bin"
    assert spec.command[2] == f"serve --port {{{{runtime.port}}}} --model {model} $(LATER) $(MODEL) $(date)"
    assert spec.env["MODEL"] == model


def test_references_that_grow_without_end_are_a_problem() -> None:
    lines = "".join(f"  - {{name: V{n}, value: $(V{n - 1})$(V{n - 1})}}\n" for n in range(1, 60))
    with pytest.raises(TemplateInvalid, match="too large"):
        parse(container("env:\n  - {name: V0, value: xxxxxxxx}\n" + lines))


@pytest.mark.parametrize(
    ("written", "check"),
    [
        ("httpGet: {path: /ready}", HealthCheck(path="/ready")),
        ("httpGet: {path: ready, port: 8080}", HealthCheck(path="/ready")),
        ("httpGet: {path: /ready, port: web}", HealthCheck(path="/ready")),
        ("httpGet: {path: /ready, port: metrics}", HealthCheck(path="/ready", port=9090)),
        ("httpGet: {path: /ready, port: '{{inputs.parameters.port}}'}", HealthCheck(path="/ready", port=9000)),
        ("httpGet: {path: {{inputs.parameters.path}}, port: 8080}", HealthCheck(path="/ready")),
        ("tcpSocket: {port: 8080}", HealthCheck(path="")),
        ("tcpSocket: {port: 9090}", HealthCheck(path="", port=9090)),
        (
            "httpGet: {path: /r, httpHeaders: [{name: X-Probe, value: yes}]}",
            HealthCheck(path="/r", headers={"X-Probe": "yes"}),
        ),
        (
            "{httpGet: {path: /r}, initialDelaySeconds: 20, periodSeconds: 5, timeoutSeconds: 4, failureThreshold: 3}",
            HealthCheck(path="/r", initial_delay_seconds=20, period_seconds=5, timeout_seconds=4, failure_threshold=3),
        ),
        ("{httpGet: {path: /r}, timeoutSeconds: 0}", HealthCheck(path="/r")),
    ],
)
def test_a_readiness_probe_says_how_the_server_is_asked(written: str, check: HealthCheck) -> None:
    ports = "ports: [{name: web, containerPort: 8080}, {name: metrics, containerPort: 9090}]"
    spec = rendered(container(f"{ports}\nreadinessProbe: {written if written[0] == '{' else f'{{{written}}}'}"))

    assert spec.health_check == (None if check == HealthCheck(path=check.path) and check.path else check)
    assert spec.health_path == (check.path or "/")
    assert spec.readiness_check.any_answer == (not check.path or check.port is not None)
    assert spec.readiness_check.headers == check.headers


def test_before_the_first_look_the_server_has_time_to_start() -> None:
    spec = rendered(container("readinessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 600}"))

    assert spec.deadlines == {"STARTED": 900}


def test_without_ports_the_probe_says_where_the_server_listens() -> None:
    spec = rendered(container("readinessProbe: {httpGet: {path: /ready, port: 7070}}"))

    assert (spec.ports, spec.health_check) == ((7070,), None)


def test_our_annotation_goes_before_the_path_of_the_probe() -> None:
    text = container("readinessProbe: {httpGet: {path: /ready}, periodSeconds: 5}")
    spec = rendered(text.replace("  labels:", "  annotations: {launchpad/health-path: /live}\n  labels:", 1))

    assert (spec.health_path, spec.health_check) == ("/live", HealthCheck(path="/live", period_seconds=5))


def test_empty_folders_and_shared_memory_are_mounted() -> None:
    spec = rendered(
        of("""
        containers:
          - image: example/llm
            workingDir: /srv/app/
            securityContext: {readOnlyRootFilesystem: true}
            volumeMounts:
              - {name: shm, mountPath: /dev/shm}
              - {name: cache, mountPath: /srv/app/.cache, subPath: one}
              - {name: cache, mountPath: /tmp, subPath: two}
        volumes:
          - name: shm
            emptyDir: {medium: Memory, sizeLimit: {{inputs.parameters.size}}}
          - name: cache
            emptyDir: {}
        """)
    )

    assert spec.mounts == (
        Mount(path="/dev/shm", in_memory=True, size_bytes=2 << 30),
        Mount(path="/srv/app/.cache"),
        Mount(path="/tmp"),
    )
    assert (spec.working_dir, spec.read_only_root) == ("/srv/app", True)


@pytest.mark.parametrize(
    ("path", "said"),
    [("/proc/x", "No folder can be mounted"), ("/dev", "No folder can"), ("/a/../b", "is no folder"), ("/", "is no")],
)
def test_a_folder_that_no_server_may_have_is_refused(path: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        rendered(
            of(f"""
            containers:
              - image: example/a
                volumeMounts: [{{name: one, mountPath: "{path}"}}]
            volumes: [{{name: one, emptyDir: {{}}}}]
            """)
        )


@pytest.mark.parametrize(
    ("written", "amounts"),
    [
        ("limits: {cpu: 500m, memory: 3Gi}", Amounts(cpu_millis=500, memory_bytes=3 << 30)),
        ("limits: {nvidia.com/gpu: 1}, requests: {cpu: '2'}", Amounts(cpu_millis=2000, gpus=1)),
        ("limits: {cpu: '4'}, requests: {cpu: 1, memory: 1.5G}", Amounts(cpu_millis=4000, memory_bytes=1_500_000_000)),
        ("limits: {memory: {{inputs.parameters.size}}}", Amounts(memory_bytes=2 << 30)),
        ("requests: {memory: 1e9, cpu: 0.25}", Amounts(memory_bytes=1_000_000_000, cpu_millis=250)),
    ],
)
def test_resources_are_what_a_plan_is_chosen_for(written: str, amounts: Amounts) -> None:
    spec = rendered(container(f"resources: {{{written}}}"))

    assert (spec.resource_plan, spec.amounts) == ("", amounts)


def test_a_named_plan_goes_before_resources_and_the_default_is_for_neither() -> None:
    text = of(IMAGE + "    resources: {limits: {cpu: 2}}\n", labels="ai.sap.com/resourcePlan: infer.s")

    assert (rendered(text).resource_plan, rendered(text).amounts) == ("infer.s", None)
    assert rendered(of(IMAGE)).resource_plan == "starter"


TWO = "containers: [{image: a/one}, {name: proxy, image: a/proxy}]"
MOUNTED = "containers: [{{image: a/one, volumeMounts: [{{name: v, mountPath: /v}}]}}]\nvolumes: [{{name: v, {}}}]"
ONE = "containers: [{{image: a/one, {}}}]"


@pytest.mark.parametrize(
    ("predictor", "field", "said"),
    [
        ("initContainers: [{name: warm, image: a/warm}]\n" + IMAGE, "initContainers", "Init containers are not"),
        (TWO, "containers[1]", "“proxy” is the second one"),
        ("workerSpec: {}\nx: y\n".replace("{}", "{size: 2}") + IMAGE, "workerSpec", "several nodes"),
        ("hostNetwork: true\n" + IMAGE, "hostNetwork", "closed to servers"),
        (MOUNTED.format("secret: {secretName: s}"), "volumes[0].secret", "is a secret, which is not supported"),
        (MOUNTED.format("configMap: {name: s}"), "volumes[0].configMap", "is a configMap"),
        (MOUNTED.format("persistentVolumeClaim: {claimName: s}"), "persistentVolumeClaim", "as an input artifact"),
        (MOUNTED.format("hostPath: {path: /etc}"), "volumes[0].hostPath", "never see folders of the machine"),
        (MOUNTED.format("emptyDir: {medium: HugePages}"), "emptyDir.medium", "write Memory"),
        (ONE.format("volumeMounts: [{name: v, mountPath: /v}]"), "volumeMounts[0]", "There is no volume “v”"),
        (ONE.format("envFrom: [{secretRef: {name: all}}]"), "envFrom", "name each variable"),
        (ONE.format("env: [{name: POD, valueFrom: {fieldRef: {fieldPath: a}}}]"), "valueFrom.fieldRef", "POD takes"),
        (ONE.format("env: [{name: A, valueFrom: {configMapKeyRef: {name: a}}}]"), "configMapKeyRef", "A takes"),
        (ONE.format("env: [{name: A, valueFrom: {resourceFieldRef: {a: b}}}]"), "resourceFieldRef", "A takes"),
        (ONE.format("env: [{name: STORAGE_URI, value: 's3://b/m?x=y'}]"), "env", "Nothing fetches STORAGE_URI"),
        (ONE.format("securityContext: {privileged: true}"), "securityContext.privileged", "No server gets more"),
        (ONE.format("securityContext: {capabilities: {add: [NET_ADMIN]}}"), "capabilities", "NET_ADMIN are not"),
        (ONE.format("securityContext: {allowPrivilegeEscalation: true}"), "allowPrivilegeEscalation", "more rights"),
        (ONE.format("securityContext: {seccompProfile: {type: Unconfined}}"), "seccompProfile", "seccomp"),
        (ONE.format("ports: [{containerPort: 80, hostPort: 80}]"), "hostPort", "through the gateway"),
        (ONE.format("readinessProbe: {exec: {command: [a]}}"), "readinessProbe.exec", "by exec is not supported"),
        (ONE.format("readinessProbe: {grpc: {port: 1}}"), "readinessProbe.grpc", "by grpc is not supported"),
        (ONE.format("readinessProbe: {httpGet: {path: /, port: web}}"), "httpGet.port", "no port of the name “web”"),
        (ONE.format("readinessProbe: {httpGet: {path: /, scheme: HTTPS}}"), "httpGet.scheme", "HTTPS is not"),
        (ONE.format("readinessProbe: {tcpSocket: {}, periodSeconds: often}"), "periodSeconds", "whole number"),
        (ONE.format("resources: {limits: {amd.com/gpu: 1}}"), "limits[amd.com/gpu]", "The device amd.com/gpu"),
        (ONE.format("resources: {limits: {memory: much}}"), "limits.memory", "“much” is no amount"),
        ("containers: [{name: one}]", "containers[0]", "names no server"),
        ("minReplicas: 1", "predictor", "names no server"),
        ("model: {modelFormat: {name: pytorch}}", "model.modelFormat", "use one of sklearn, onnx"),
        ("tensorflow: {storageUri: a}", "tensorflow.modelFormat", "model format “tensorflow”"),
        ("model: {modelFormat: {name: onnx}, storageUri: 's3://b'}", "model.storageUri", "must be an input artifact"),
        (
            "model: {modelFormat: {name: onnx}, storageUri: '{{inputs.artifacts.words}}', protocolVersion: grpc-v2}",
            "model.protocolVersion",
            "grpc-v2 is not supported",
        ),
        (
            "containers:\n  - image: a/one\n    args: [--key=$(KEY)]\n    env:\n"
            "      - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}",
            "args[0]",
            "would write a secret where it can be read",
        ),
    ],
)
def test_what_cannot_be_run_as_it_is_meant_is_refused_with_its_line(predictor: str, field: str, said: str) -> None:
    text = of(predictor)
    (problem,) = refused(text)

    assert problem.field.startswith("spec.template.spec.predictor")
    assert problem.field.endswith(field)
    assert said in problem.sentence
    assert problem.line > text[: text.index("predictor:")].count("\n")
    assert parse(text)[0].server.unsupported == (problem.sentence,)


def test_a_transformer_and_an_explainer_are_refused_and_all_is_said_at_once() -> None:
    text = of(TWO).replace("      predictor:", "      transformer: {containers: [{image: a/b}]}\n      predictor:")
    text = text.replace("      predictor:", "      explainer: {containers: [{image: a/b}]}\n      predictor:")
    problems = refused(text)

    assert [problem.field.removeprefix("spec.template.spec.") for problem in problems] == [
        "transformer",
        "explainer",
        "predictor.containers[1]",
    ]
    lines = text.splitlines()
    assert "transformer" in lines[problems[0].line - 1]
    assert str(problems[0]).startswith(f"churn.yaml, line {problems[0].line}, spec.template.spec.transformer: A tr")


@pytest.mark.parametrize("port", ["0", "70000", "-1", "web"])
def test_a_port_that_there_is_not_is_refused_for_its_parameter(port: str) -> None:
    text = container("ports: [{containerPort: {{inputs.parameters.port}}}]")
    with pytest.raises(InvalidInput) as caught:
        rendered(text, port=port)
    assert set(caught.value.problems) == {"parameters.port"}


@pytest.mark.parametrize("image", ["", " ", "two words", "-v", "a\nb", "a" * 600])
def test_a_name_that_no_image_has_is_refused_for_its_parameter(image: str) -> None:
    text = of("containers: [{image: {{inputs.parameters.image}}}]")
    with pytest.raises(InvalidInput, match="no name of a container image"):
        rendered(text, image=image)
    assert rendered(text, image="localhost:5000/a/b@sha256:" + "0" * 64).image.endswith("0")


@pytest.mark.parametrize("predictor", ["model: {modelFormat: {name: sklearn}, ", "sklearn: {"])
def test_a_model_format_is_served_by_the_server_that_reads_it(predictor: str) -> None:
    rest = "storageUri: '{{inputs.artifacts.churnmodel}}', args: [--allow-pickle=true]}"
    spec = rendered(of(predictor + rest))

    assert spec.image == ""
    assert spec.command[:3] == ("python", "-m", "launchpad_model_servers.sklearn_server")
    assert spec.command[3:] == ("--model-name=churn-server", "--model={{runtime.artifacts.churnmodel}}")
    assert spec.args == ("--allow-pickle=true",)
    assert spec.model == "churnmodel"
    assert (spec.health_path, spec.health_check) == ("/v2/health/ready", None)
    assert spec.sample is not None
    assert (spec.sample.method, spec.sample.path) == ("POST", "/v1/models/churn-server:predict")


def test_a_server_spec_is_the_same_after_it_was_stored() -> None:
    spec = rendered(
        of("""
        imagePullSecrets: [{name: mine}]
        containers:
          - image: example/llm
            readinessProbe: {tcpSocket: {port: 1}, periodSeconds: 3}
            resources: {limits: {cpu: 1}}
            volumeMounts: [{name: shm, mountPath: /dev/shm}]
        volumes: [{name: shm, emptyDir: {medium: Memory}}]
        """)
    )

    assert from_dict(to_dict(spec)) == spec


def test_a_server_spec_from_before_containers_is_read() -> None:
    new = {"amounts", "health_check", "model", "mounts", "working_dir", "read_only_root", "pull_secrets"}
    stored: dict[str, Any] = {name: value for name, value in asdict(rendered(of(IMAGE))).items() if name not in new}
    del stored["readiness_check"]["any_answer"]
    spec = from_dict(stored)

    assert (spec.health_check, spec.mounts, spec.pull_secrets, spec.model) == (None, (), (), "")
    assert not spec.readiness_check.any_answer
