"""The scikit-learn server, with models trained on real data."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.model_servers.conftest import Samples, Start
from tests.model_servers.serving import Server, environment, server_spec_for

NAME = "breast-cancer-logistic"


@pytest.fixture(scope="module")
def server(start: Start, samples: Samples) -> Server:
    rows = json.dumps(samples.instances(NAME))
    server_spec = server_spec_for("sklearn-server", modelName="breast-cancer", sampleInput=rows)
    return start(server_spec, {"model": samples.file(NAME)}).wait_until_healthy()


def test_the_proof_is_a_real_prediction(server: Server, samples: Samples) -> None:
    check = server.server_spec.readiness_check
    answer = server.ask(check.method, check.path, check.body)
    assert answer.status == 200
    assert answer.json == {"predictions": samples.expected(NAME)}
    assert set(samples.expected(NAME)) == {"benign", "malignant"}


def test_v2_describes_the_model(server: Server) -> None:
    assert server.ask("GET", "/v2/health/ready").json == {"ready": True}
    model = server.ask("GET", "/v2/models/breast-cancer").json
    assert model["inputs"] == [{"name": "input", "datatype": "FP64", "shape": [-1, 30]}]
    assert model["outputs"] == [{"name": "predict", "datatype": "BYTES", "shape": [-1]}]


def test_v2_infers_classes_and_probabilities(server: Server, samples: Samples) -> None:
    rows = samples.instances(NAME)
    flat = [value for row in rows for value in row]
    request = {
        "id": "42",
        "inputs": [{"name": "input", "shape": [len(rows), 30], "datatype": "FP64", "data": flat}],
        "outputs": [{"name": "predict"}, {"name": "predict_proba"}],
    }
    answer = server.ask("POST", "/v2/models/breast-cancer/infer", json.dumps(request))
    assert answer.status == 200
    assert answer.json["id"] == "42"
    outputs = {output["name"]: output for output in answer.json["outputs"]}
    assert outputs["predict"]["data"] == samples.expected(NAME)
    assert outputs["predict_proba"]["shape"] == [2, 2]
    assert sum(outputs["predict_proba"]["data"]) == pytest.approx(2)


def test_an_empty_request_is_answered_with_no_predictions(server: Server) -> None:
    answer = server.ask("POST", "/v1/models/breast-cancer:predict", '{"instances": []}')
    assert (answer.status, answer.json) == (200, {"predictions": []})


def test_a_content_type_with_a_charset_is_understood(server: Server, samples: Samples) -> None:
    body = json.dumps({"instances": samples.instances(NAME)})
    answer = server.ask(
        "POST", "/v1/models/breast-cancer:predict", body, Content_Type="application/json; charset=utf-8"
    )
    assert answer.json == {"predictions": samples.expected(NAME)}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"instances": [[1, 2]]}', "Each instance must be a list of 30 values"),
        ('{"instances": [[1], [1, 2]]}', "same length"),
        ('{"rows": []}', "instances"),
        ("[1, 2]", "instances"),
        ("{", "Unrecognized request format"),
        ('{"instances": ["a"]}', "same length"),
        (json.dumps({"instances": [["x"] * 30]}), "could not convert string to float"),
    ],
)
def test_faulty_v1_input_is_answered_with_400_and_a_sentence(server: Server, body: str, said: str) -> None:
    answer = server.ask("POST", "/v1/models/breast-cancer:predict", body)
    assert answer.status == 400
    assert said in answer.json["error"]
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("shape", "data", "outputs", "said"),
    [
        ([1, 30], [1.0], [], "does not fit datatype FP64 and shape [1, 30]"),
        ([1, 2], [1.0, 2.0], [], "Each instance must be a list of 30 values"),
        ([1, 30], [1.0] * 30, [{"name": "nonsense"}], "There is no output “nonsense”"),
        ("x", [], [], "shape"),
    ],
)
def test_faulty_v2_input_is_answered_with_400_and_a_sentence(
    server: Server, shape: object, data: list[float], outputs: list[dict[str, str]], said: str
) -> None:
    request = {"inputs": [{"name": "input", "shape": shape, "datatype": "FP64", "data": data}], "outputs": outputs}
    answer = server.ask("POST", "/v2/models/breast-cancer/infer", json.dumps(request))
    assert answer.status == 400
    assert said in answer.json["error"]


def test_an_unknown_model_is_answered_with_404(server: Server) -> None:
    assert server.ask("POST", "/v1/models/other:predict", '{"instances": []}').status == 404


def test_nobody_can_unload_the_model_over_http(server: Server) -> None:
    assert server.ask("POST", "/v2/repository/models/breast-cancer/unload").status == 501
    assert server.ask("GET", "/v2/models/breast-cancer/ready").status == 200


def test_it_listens_on_loopback_only(server: Server) -> None:
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    assert [address for address in listening if address.endswith(f":{server.port:04X}")] == [
        f"0100007F:{server.port:04X}"
    ]


def test_sigterm_ends_it_with_exit_code_0(start: Start, samples: Samples) -> None:
    server_spec = server_spec_for("sklearn-server", modelName="diabetes")
    server = start(server_spec, {"model": samples.file("diabetes-ridge").parent}).wait_until_healthy()
    body = json.dumps({"instances": samples.instances("diabetes-ridge")})
    predictions = server.ask("POST", "/v1/models/diabetes:predict", body).json["predictions"]
    assert all(20 < value < 350 for value in predictions)
    assert server.stop() == 0


_SAVE = """
import sys, joblib, pandas, skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
table = pandas.DataFrame({"size": [1.0, 2.0, 8.0, 9.0], "colour": ["red", "red", "blue", "blue"]})
columns = ColumnTransformer([("colour", OneHotEncoder(), ["colour"])], remainder="passthrough")
model = make_pipeline(columns, LogisticRegression()).fit(table, ["apple", "apple", "plum", "plum"])
joblib.dump(model, sys.argv[1])
odd = make_pipeline(FunctionTransformer(sys.intern), LogisticRegression())
skops.io.dump(odd, sys.argv[2])
skops.io.dump(make_pipeline(LogisticRegression()), sys.argv[3])
"""


def _other_models(folder: Path) -> tuple[Path, Path, Path]:
    """Return a pickled model that wants column names, one with a function that is not trusted, an untrained one."""
    python = environment(server_spec_for("sklearn-server").requirements) / "bin" / "python"
    pickled, odd, untrained = (folder / name for name in ("model.joblib", "odd.skops", "untrained.skops"))
    subprocess.run([python, "-c", _SAVE, pickled, odd, untrained], check=True, env={}, timeout=60)
    return pickled, odd, untrained


def test_pickles_and_unknown_types_are_refused_unless_they_are_allowed(start: Start, tmp_path: Path) -> None:
    pickled, odd, untrained = _other_models(tmp_path)
    nothing = tmp_path / "nothing.skops"
    nothing.write_text("This is no model.")
    server_spec = server_spec_for("sklearn-server")
    refused = {path: start(server_spec, {"model": path}) for path in (pickled, odd, nothing, untrained)}
    named = start(server_spec_for("sklearn-server", allowPickle="true"), {"model": pickled}).wait_until_healthy()

    for server in refused.values():
        assert server.process.wait(timeout=60) == os.EX_DATAERR
    assert "error: model.joblib is a pickle, which can run any code" in refused[pickled].log.read_text()
    assert "error: odd.skops holds types that are not known to be safe: sys.intern" in refused[odd].log.read_text()
    assert "error: nothing.skops is a pickle" in refused[nothing].log.read_text()
    assert "error: untrained.skops holds a model that has not been trained" in refused[untrained].log.read_text()

    body = json.dumps({"instances": [{"colour": "blue", "size": 9}, {"size": 1, "colour": "red"}]})
    assert named.ask("POST", "/v1/models/model:predict", body).json == {"predictions": ["plum", "apple"]}
    answer = named.ask("POST", "/v1/models/model:predict", '{"instances": [{"size": 9}]}')
    assert (answer.status, answer.json) == (
        400,
        {"error": "The column “colour” is missing; the model knows: size, colour."},
    )
