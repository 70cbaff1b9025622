"""A template that names a model format alone is served by the server of that format, by both protocols."""

from __future__ import annotations

import json

import pytest

from deployments.serving_template import parse, render
from tests.model_servers.conftest import Samples, Start

TEMPLATE = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: tumours
  labels: {scenarios.ai.sap.com/id: tumours, ai.sap.com/version: 1.0.0}
spec:
  inputs: {artifacts: [{name: trained}]}
  template:
    spec:
      predictor:
        model:
          modelFormat: {name: FORMAT}
          protocolVersion: PROTOCOL
          storageUri: "{{inputs.artifacts.trained}}"
"""


@pytest.mark.parametrize(
    ("name", "model_format", "protocol"),
    [("breast-cancer-logistic", "sklearn", "v2"), ("wine-forest-onnx", "onnx", "v1")],
)
def test_a_model_is_served_by_its_format(
    start: Start, samples: Samples, name: str, model_format: str, protocol: str
) -> None:
    text = TEMPLATE.replace("FORMAT", model_format).replace("PROTOCOL", protocol)
    spec = render(
        parse(text, to_import=True)[0], parameters={}, artifacts={"trained": "{{runtime.artifacts.trained}}"}
    )
    server = start(spec, {"trained": samples.file(name)}).wait_until_healthy()

    check = spec.readiness_check
    assert server.ask(check.method, check.path, check.body).status == 200
    assert spec.sample is not None
    sample = server.ask(spec.sample.method, spec.sample.path, spec.sample.body)
    assert (sample.status, "predictions" in sample.json or "inputs" in sample.json) == (200, True)
    rows = samples.instances(name)
    answer = server.ask("POST", "/v1/models/tumours:predict", json.dumps({"instances": rows}))
    assert (answer.status, len(answer.json["predictions"])) == (200, len(rows))
