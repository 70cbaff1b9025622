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
  template:
"""
EXTRAS = f"""{HEAD}
    metadata:
      annotations: |
        autoscaling.knative.dev/target: 1
    spec: |
      predictor:
        initContainers: [{{name: first, image: example/first}}]
        imagePullSecrets: [{{name: mine}}]
        containers:
          - name: kserve-container
            image: example/server
            command: [serve]
            workingDir: /srv
            envFrom: [{{secretRef: {{name: all}}}}]
            env:
              - {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
              - {{name: TOKEN, valueFrom: {{secretKeyRef: {{name: mine, key: token}}}}}}
            resources: {{limits: {{cpu: "2"}}}}
            livenessProbe: {{httpGet: {{path: /live}}}}
            readinessProbe: {{httpGet: {{path: /ready}}, periodSeconds: 5}}
            volumeMounts: [{{name: cfg, mountPath: /cfg}}]
          - {{name: sidecar, image: example/sidecar}}
        volumes: [{{name: cfg, secret: {{secretName: cfg}}}}]
"""
PARTS = [
    "metadata.annotations[autoscaling.knative.dev/target]",
    "initContainers",
    "imagePullSecrets",
    "volumes",
    "containers[0].workingDir",
    "containers[0].envFrom",
    "containers[0].resources",
    "containers[0].livenessProbe",
    "containers[0].volumeMounts",
    "containers[0].readinessProbe.periodSeconds",
    "containers[0].env[0].valueFrom.fieldRef",
    "containers[1]",
]


def test_every_part_that_is_not_carried_over_is_found() -> None:
    assert unused_parts(parse(EXTRAS)[0].body) == PARTS


def test_a_template_that_is_used_whole_leaves_nothing_out() -> None:
    assert unused_parts(parse(make.TEMPLATE.format(executable="talker", scenario="talking"))[0].body) == []


@pytest.mark.django_db
def test_an_import_lists_them() -> None:
    make.make_connection()  # its driver adds warnings of its own
    (imported,) = import_templates(ACTOR, EXTRAS)

    assert "has a command that belongs into its container image" in imported.warning
    assert "takes POD from its cluster" in imported.warning
    assert imported.warning.endswith(f"Not carried over: {', '.join(PARTS)}.")


@pytest.mark.django_db
def test_a_model_format_alone_is_said_to_be_what_cannot_run() -> None:
    make.make_connection()  # its driver is asked whether it can run the template
    (imported,) = import_templates(
        ACTOR, f"{HEAD}    spec: {{predictor: {{model: {{modelFormat: {{name: sklearn}}}}}}}}\n"
    )

    assert "a model format alone is not supported" in imported.warning
    assert "Not carried over: model." in imported.warning
