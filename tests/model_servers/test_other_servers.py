"""The ONNX, content-type and custom servers, and what holds for the whole catalog."""

import base64
import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deployments.runtimes.local.check import check, warnings
from deployments.serving_template import parse, validate_bindings
from tests.model_servers.conftest import Samples, Start
from tests.model_servers.serving import CATALOG, Server, built_in_templates, server_spec_for

WINE = "wine-forest-onnx"
TINY, NANO = 512_000_000, 128_000_000  # bytes of the plans


@pytest.fixture(scope="module")
def onnx(start: Start, samples: Samples) -> Server:
    server_spec = server_spec_for("onnx-server", modelName="wine", sampleInput=json.dumps(samples.instances(WINE)))
    return start(server_spec, {"model": samples.file(WINE)}).wait_until_healthy()


@pytest.fixture(scope="module")
def magika(start: Start) -> Server:
    return start(server_spec_for("magika-server")).wait_until_healthy()


@pytest.fixture(scope="module")
def hello(start: Start) -> Server:
    return start(server_spec_for("custom-server")).wait_until_healthy()


def test_onnx_answers_v1_with_all_outputs(onnx: Server, samples: Samples) -> None:
    check = onnx.server_spec.readiness_check
    answer = onnx.ask(check.method, check.path, check.body)
    assert answer.status == 200
    assert [one["label"] for one in answer.json["predictions"]] == samples.expected(WINE)
    assert [sum(one["probabilities"]) for one in answer.json["predictions"]] == pytest.approx([1, 1, 1], abs=1e-5)


def test_onnx_answers_v2_and_converts_numbers(onnx: Server, samples: Samples) -> None:
    rows = samples.instances(WINE)
    flat = [value for row in rows for value in row]
    request = {
        "inputs": [{"name": "X", "shape": [len(rows), 13], "datatype": "FP64", "data": flat}],
        "outputs": [{"name": "label"}],
    }
    outputs = onnx.ask("POST", "/v2/models/wine/infer", json.dumps(request)).json["outputs"]
    assert [(output["name"], output["datatype"], output["data"]) for output in outputs] == [
        ("label", "BYTES", samples.expected(WINE))
    ]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/models/wine:predict", {"instances": [[1, 2]]}, "The model refused the input"),
        ("/v1/models/wine:predict", {"instances": [["x"] * 13]}, "do not fit float32"),
        ("/v2/models/wine/infer", {"inputs": []}, "The input “X” is missing"),
        ("/v2/models/wine/infer", {}, "inputs"),
    ],
)
def test_onnx_answers_faulty_input_with_400(onnx: Server, path: str, body: object, said: str) -> None:
    answer = onnx.ask("POST", path, json.dumps(body))
    assert answer.status == 400
    assert said in answer.json["error"]
    assert "Traceback" not in onnx.log.read_text()


def test_onnx_says_when_a_file_is_no_model(start: Start, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"nothing of the kind")
    server = start(server_spec_for("onnx-server"), {"model": tmp_path})
    assert server.process.wait(timeout=60) == os.EX_DATAERR
    assert "error: model.onnx cannot be read as an ONNX model" in server.log.read_text()


def test_wrong_arguments_end_a_server_for_good(start: Start, tmp_path: Path) -> None:
    server_spec = server_spec_for("onnx-server")
    server = start(replace(server_spec, args=(*server_spec.args, "--threads=two")), {"model": tmp_path})
    assert server.process.wait(timeout=60) == os.EX_USAGE
    assert "error: argument --threads: invalid int value: 'two'" in server.log.read_text()


def test_magika_knows_text_and_bytes_by_v1(magika: Server) -> None:
    sample = magika.server_spec.sample
    assert sample is not None
    answer = magika.ask(sample.method, sample.path, sample.body)
    assert [(one["label"], one["mime_type"]) for one in answer.json["predictions"]] == [
        ("python", "text/x-python"),
        ("html", "text/html"),
        ("png", "image/png"),
    ]


def test_magika_knows_text_and_bytes_by_v2(magika: Server) -> None:
    page = "<!doctype html><html><head><title>Hello</title></head><body><p>Hello</p></body></html>"
    for data, parameters in (
        (page, {}),
        (base64.b64encode(page.encode()).decode(), {"content_type": "base64"}),
    ):
        content = {"name": "content", "shape": [1], "datatype": "BYTES", "data": [data], "parameters": parameters}
        answer = magika.ask("POST", "/v2/models/magika/infer", json.dumps({"inputs": [content]}))
        outputs = {output["name"]: output["data"] for output in answer.json["outputs"]}
        assert outputs["label"] == ["html"]
        assert outputs["mime_type"] == ["text/html"]
        assert 0.5 < outputs["score"][0] <= 1


@pytest.mark.parametrize("instance", [7, {"b64": "***"}, {"text": "x"}, None])
def test_magika_answers_faulty_input_with_400(magika: Server, instance: object) -> None:
    answer = magika.ask("POST", "/v1/models/magika:predict", json.dumps({"instances": [instance]}))
    assert answer.status == 400
    assert "base64" in answer.json["error"]


def test_it_listens_where_host_says_and_nowhere_else(start: Start) -> None:
    server_spec = server_spec_for("magika-server")
    server = start(replace(server_spec, env={"HOST": "127.0.0.2"})).wait_until_healthy()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port))


def test_the_custom_server_answers_out_of_the_box(hello: Server) -> None:
    check = hello.server_spec.readiness_check
    assert hello.ask(check.method, check.path).json["path"] == "/"
    assert hello.ask("POST", "/echo?a=b", "café".encode()).json == {"path": "/echo?a=b", "body": "café"}


_SAY_ARGUMENTS = """
import http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(sys.argv[2:]).encode())
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_the_custom_server_runs_any_command_without_a_shell(start: Start) -> None:
    odd = ["two words", "$HOME", "; touch here", "{{inputs.parameters.healthPath}}", "*"]
    command = json.dumps(["python3", "-c", _SAY_ARGUMENTS, "{{ runtime.port }}", *odd])
    server = start(server_spec_for("custom-server", command=command, healthPath="/health?x=1")).wait_until_healthy()
    assert server.ask("GET", "/health?x=1").json == odd


def test_the_servers_fit_their_plans(onnx: Server, magika: Server, hello: Server) -> None:
    for server, limit in ((onnx, TINY), (magika, TINY), (hello, NANO)):
        assert psutil.Process(server.process.pid).memory_full_info().pss < limit / 2
        assert server.server_spec.resource_plan == ("nano" if server is hello else "tiny")


def test_every_template_of_the_catalog_is_served_in_these_tests() -> None:
    assert built_in_templates().keys() == {"sklearn-server", "onnx-server", "magika-server", "custom-server"}


def test_the_catalog_names_three_scenarios_and_can_run_locally() -> None:
    templates = built_in_templates().values()
    assert {template.scenario_name for template in templates} == {
        "Tabular prediction",
        "Content types",
        "Custom server",
    }
    assert [check(template.name, template.server) for template in templates] == [None] * 4
    assert [list(warnings(template.name, template.server)) for template in templates] == [[]] * 4
    for path in CATALOG.glob("*.yaml"):
        for template in parse(path.read_text(encoding="utf-8")):
            assert all(parameter.description for parameter in template.parameters)


def test_the_sample_configurations_fit_their_templates_and_the_trained_models(samples: Samples) -> None:
    configurations = json.loads((CATALOG / "samples.json").read_text())["configurations"]
    templates = built_in_templates()
    for configuration in configurations:
        template = templates[configuration["executable"]]
        assert template.scenario_id == configuration["scenario"]
        bound = {slot: (name, "model") for slot, name in configuration["artifacts"].items()}
        assert validate_bindings(template, configuration["parameters"], bound) == {}
        for name in configuration["artifacts"].values():
            assert json.loads(configuration["parameters"]["sampleInput"]) == samples.instances(name)
    made = [configuration["executable"] for configuration in configurations]
    assert all(made.count(executable) >= 2 for executable in templates)


def test_the_sample_models_are_good_on_rows_they_have_not_seen(samples: Samples) -> None:
    least = {"accuracy": 0.9, "r2": 0.4}
    for artifact in samples.artifacts.values():
        assert artifact["metric"]["value"] >= least[artifact["metric"]["name"]]
        assert samples.file(artifact["name"]).stat().st_size > 0
