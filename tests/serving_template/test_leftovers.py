"""Importing a template reports its unused parts."""

from __future__ import annotations

import pytest

from deployments.models import Actor, Role
from deployments.operations import import_templates
from deployments.serving_template import parse
from deployments.serving_template.leftovers import unused_parts
from tests import factories as make

ACTOR = Actor(name="ada", role=Role.ADMINISTRATOR)
HEAD = """
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata: {name: extras, labels: {scenarios.ai.sap.com/id: extras, ai.sap.com/version: 1.0.0}}
spec:
  inputs: {artifacts: [{name: iris}]}
  template:
"""
EXTRAS = f"""{HEAD}
    metadata:
      annotations: |
        autoscaling.knative.dev/target: 1
      labels: |
        ai.sap.com/resourcePlan: tiny
    spec: |
      predictor:
        imagePullSecrets: [{{name: mine}}]
        hostNetwork: false
        containerConcurrency: 1
        securityContext: {{fsGroup: 1000, seccompProfile: {{type: RuntimeDefault}}}}
        containers:
          - name: kserve-container
            image: example/server
            imagePullPolicy: Always
            command: [serve]
            workingDir: /srv
            env:
              - {{name: TOKEN, valueFrom: {{secretKeyRef: {{name: mine, key: token}}}}}}
            resources: {{limits: {{cpu: "2"}}}}
            livenessProbe: {{httpGet: {{path: /live}}}}
            readinessProbe: {{httpGet: {{path: /ready}}, periodSeconds: 5, successThreshold: 2}}
            securityContext: {{runAsUser: 1000, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
            volumeMounts: [{{name: tmp, mountPath: /tmp, readOnly: false}}]
        volumes: [{{name: tmp, emptyDir: {{}}}}]
"""
PARTS = [
    "metadata.annotations[autoscaling.knative.dev/target]",
    "containerConcurrency",
    "securityContext.fsGroup",
    "containers[0].imagePullPolicy",
    "containers[0].livenessProbe",
    "containers[0].readinessProbe.successThreshold",
    "containers[0].securityContext.runAsUser",
    "containers[0].volumeMounts[0].readOnly",
    "containers[0].resources",
]


def test_every_part_that_is_not_carried_over_is_found() -> None:
    assert unused_parts(parse(EXTRAS)[0]) == PARTS


def test_resources_are_used_unless_a_plan_is_named() -> None:
    text = EXTRAS.replace("      labels: |\n        ai.sap.com/resourcePlan: tiny\n", "")
    text = text.replace('cpu: "2"', 'cpu: "2", ephemeral-storage: 1Gi')

    assert unused_parts(parse(text)[0])[-1] == "containers[0].resources.limits.ephemeral-storage"


def test_a_template_that_is_used_whole_leaves_nothing_out() -> None:
    assert unused_parts(parse(make.TEMPLATE.format(executable="talker", scenario="talking"))[0]) == []


def test_a_model_format_is_used_but_for_its_version() -> None:
    model = "{modelFormat: {name: sklearn, version: '1'}, protocolVersion: v2, storageUri: '{{inputs.artifacts.iris}}'"
    template = parse(f"{HEAD}    spec: {{predictor: {{model: {model}, runtime: mine}}}}}}\n")[0]

    assert unused_parts(template) == ["model.modelFormat.version", "model.runtime"]


@pytest.mark.django_db
def test_an_import_lists_them() -> None:
    make.make_connection()  # its driver adds warnings of its own
    (imported,) = import_templates(ACTOR, EXTRAS)

    assert "has a command that belongs into its container image" in imported.warning
    assert (
        "has volumeMounts, workingDir, readOnlyRootFilesystem, which the local runtime leaves out" in imported.warning
    )
    assert imported.warning.endswith(f"Not carried over: {', '.join(PARTS)}.")


@pytest.mark.django_db
def test_an_import_says_that_nothing_is_put_to_sleep() -> None:
    make.make_connection()
    (asleep,) = import_templates(
        ACTOR, EXTRAS.replace("        hostNetwork", "        minReplicas: 0\n        hostNetwork")
    )
    assert "minReplicas 0 counts as 1" in asleep.warning
    (awake,) = import_templates(ACTOR, EXTRAS)
    assert "minReplicas" not in awake.warning
