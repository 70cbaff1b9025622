"""Filling values in: they are data wherever they stand."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import InvalidInput
from deployments.serving_template import Retry, ServerSpec, ServingTemplate, parse, render, validate_bindings

TEMPLATE = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: test-server
  annotations:
    artifacts.ai.sap.com/weights.kind: model
    launchpad/requirements: |
      kserve==0.21.0   # pinned
      scikit-learn=={{inputs.parameters.version}}

      {{inputs.parameters.more}}
    launchpad/readiness-check: |
      method: post
      path: /v1/models/{{inputs.parameters.name}}:predict?verbose=1
      headers:
        X-Name: "{{inputs.parameters.header}}"
      body:
        name: "{{inputs.parameters.name}}"
        rows: "{{inputs.parameters.rows}}"
        count: 2
    launchpad/sample-request: |
      path: /{{inputs.parameters.name}}
      body: '{"text": "{{inputs.parameters.name}}", "numbers": [1, 2.5]}'
      description: Ask for {{inputs.parameters.name}}.
    launchpad/deadlines: |
      Healthy: 90
      prepared: 600
    launchpad/retry: "off"
    launchpad/split-arguments: extra
    launchpad/json-values: rows
  labels:
    scenarios.ai.sap.com/id: tests
    ai.sap.com/version: 1.0.0
spec:
  inputs:
    parameters:
      - {name: name, type: string, default: model}
      - {name: header, type: string, default: "yes"}
      - {name: version, type: string, default: 1.9.1}
      - {name: more, type: string, default: ""}
      - {name: rows, type: string, default: "[]"}
      - {name: extra, type: string, default: --fast}
      - {name: plan, type: string, default: tiny}
      - {name: least, type: integer, default: 1}
      - {name: most, type: integer, default: 3}
      - {name: share, type: number, default: 0.5}
      - {name: loud, type: boolean, default: "true"}
      - {name: needed, type: string}
    artifacts:
      - name: weights
      - name: anything
  template:
    metadata:
      labels: |
        ai.sap.com/resourcePlan: {{inputs.parameters.plan}}
    spec: |
      predictor:
        minReplicas: {{inputs.parameters.least}}
        maxReplicas: {{inputs.parameters.most}}
        containers:
          - image: registry.example/test:{{inputs.parameters.version}}
            command: [python, server.py]
            args: ["--name={{inputs.parameters.name}}", {{inputs.parameters.extra}}, "--port={{ runtime.port }}"]
            ports:
              - containerPort: 8080
            env:
              - name: WEIGHTS
                value: "{{inputs.artifacts.weights}}"
              - name: NEEDED
                value: <{{inputs.parameters.needed}}>
"""
WEIGHTS = "{{runtime.artifacts.weights}}"


def template() -> ServingTemplate:
    return parse(TEMPLATE)[0]


def rendered(**parameters: str) -> ServerSpec:
    return render(
        template(),
        parameters={"needed": "x"} | parameters,
        artifacts={"weights": WEIGHTS, "anything": "file:///a"},
    )


def refusal(**parameters: str) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        rendered(**parameters)
    return caught.value.problems


def test_a_recipe_has_everything_that_a_runtime_needs() -> None:
    server_spec = rendered(name="wine")
    assert server_spec.image == "registry.example/test:1.9.1"
    assert server_spec.argv == (
        "python",
        "server.py",
        "--name=wine",
        "--fast",
        "--port={{runtime.port}}",
    )
    assert server_spec.env == {"WEIGHTS": WEIGHTS, "NEEDED": "<x>"}
    assert server_spec.ports == (8080,)
    assert (server_spec.resource_plan, server_spec.min_replicas, server_spec.max_replicas) == ("tiny", 1, 3)
    assert server_spec.health_path == "/"
    assert server_spec.requirements == ("kserve==0.21.0", "scikit-learn==1.9.1")
    assert server_spec.deadlines == {"HEALTHY": 90, "PREPARED": 600}
    assert server_spec.retry is Retry.NONE
    assert (server_spec.readiness_check.method, server_spec.readiness_check.path) == (
        "POST",
        "/v1/models/wine:predict?verbose=1",
    )
    assert server_spec.readiness_check.headers == {"Content-Type": "application/json", "X-Name": "yes"}
    assert json.loads(server_spec.readiness_check.body or "") == {"name": "wine", "rows": [], "count": 2}
    assert server_spec.sample is not None
    assert (server_spec.sample.method, server_spec.sample.description) == ("GET", "Ask for wine.")
    assert server_spec.sample.body == '{\n  "text": "wine",\n  "numbers": [1, 2.5]\n}'


@pytest.mark.parametrize(("written", "seconds"), [("", 30), ("launchpad/drain-seconds: 600", 600)])
def test_a_template_says_how_long_requests_may_take_to_finish(written: str, seconds: int) -> None:
    text = TEMPLATE.replace("    launchpad/deadlines:", f"    {written}\n    launchpad/deadlines:")

    artifacts = {"weights": WEIGHTS, "anything": "file:///a"}
    server_spec = render(parse(text)[0], parameters={"needed": "x", "name": "wine"}, artifacts=artifacts)
    assert server_spec.drain_seconds == seconds


def test_without_annotations_the_health_path_is_the_proof() -> None:
    lines = TEMPLATE.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if "launchpad/requirements" in line)
    end = next(number for number, line in enumerate(lines) if line.startswith("  labels:"))
    plain = parse("".join(lines[:start] + lines[end:]))[0]
    server_spec = render(plain, parameters={"needed": "x"}, artifacts={"weights": "w"})
    assert (
        server_spec.readiness_check.method,
        server_spec.readiness_check.path,
        server_spec.readiness_check.body,
    ) == ("GET", "/", None)
    assert server_spec.sample is None
    assert server_spec.requirements == ()
    assert server_spec.deadlines == {}
    assert server_spec.retry is Retry.SAFE
    assert server_spec.argv[3] == "--fast"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_no_value_changes_anything_but_itself(value: str) -> None:
    server_spec, plain = rendered(name=value, needed=value), rendered()
    if "runtime." not in value:
        assert server_spec.argv == (*plain.argv[:2], f"--name={value}", *plain.argv[3:])
        assert server_spec.env == plain.env | {"NEEDED": f"<{value}>"}
    assert json.loads(server_spec.readiness_check.body or "") == {"name": value, "rows": [], "count": 2}
    assert (
        json.loads(server_spec.sample.body or "") == {"text": value, "numbers": [1, 2.5]}
        if server_spec.sample
        else False
    )
    assert server_spec.readiness_check.path.isascii()
    assert server_spec.readiness_check.path.count("/") == 3
    assert server_spec.readiness_check.path.count("?") == 1
    assert server_spec.readiness_check.headers == plain.readiness_check.headers


@pytest.mark.parametrize(
    "value",
    [
        '"\n- evil',
        "a: b",
        "{{inputs.parameters.needed}}",
        "\ue000inputs.parameters.needed\ue001",
        "'",
        "$(id)",
        "../..",
    ],
)
def test_values_that_look_like_yaml_or_placeholders_stay_what_they_are(value: str) -> None:
    assert rendered(name=value).argv[2] == f"--name={value}"


def test_placeholders_of_the_runtime_in_a_value_are_for_the_runtime() -> None:
    server_spec = rendered(needed="{{ runtime.port }} {{runtime.artifacts.weights}}")
    assert server_spec.env["NEEDED"] == "<{{runtime.port}} {{runtime.artifacts.weights}}>"


@pytest.mark.parametrize(
    ("value", "arguments"),
    [
        ("--a --b", ["--a", "--b"]),
        ("""--text "two words" 'and $HOME; |' a\\ b""", ["--text", "two words", "and $HOME; |", "a b"]),
        ('["--text", "two words", ""]', ["--text", "two words", ""]),
        ("serve {{runtime.artifacts.weights}}/x {{ runtime.port }}", ["serve", f"{WEIGHTS}/x", "{{runtime.port}}"]),
    ],
)
def test_a_parameter_may_become_several_arguments(value: str, arguments: list[str]) -> None:
    if "{{ runtime.port }}" in value:  # a placeholder with spaces is split unless it is quoted
        value = value.replace("{{ runtime.port }}", "'{{ runtime.port }}'")
    assert list(rendered(extra=value).argv[3:-1]) == arguments


@pytest.mark.parametrize("value", ["", "  ", '"open', "[1, 2]", "[", "[]", '["a\\u0000"]'])
def test_what_cannot_be_split_into_arguments_is_refused(value: str) -> None:
    assert refusal(extra=value).keys() == {"parameters.extra"}


def test_a_requirement_can_be_nothing_but_a_requirement() -> None:
    assert rendered(more="fastapi>=0.1\nuvicorn[standard]").requirements[2:] == ("fastapi>=0.1", "uvicorn[standard]")
    for value in ("--index-url=http://evil.example", "-r /etc/passwd", "a b c", "../folder"):
        assert "no Python requirement" in refusal(more=value)["parameters.more"]
    assert "no Python requirement" in refusal(version="1\n--pre")["parameters.version"]


@pytest.mark.parametrize(
    ("parameters", "field", "said"),
    [
        ({"least": "many"}, "parameters.least", "whole number"),
        ({"least": "4"}, "parameters.most", "cannot be fewer"),
        ({"least": "-1"}, "parameters.least", "whole number"),
        ({"rows": "[1,"}, "parameters.rows", "not valid JSON"),
        ({"header": "a\r\nX-Evil: 1"}, "parameters.header", "one line"),
        ({"needed": "\0"}, "parameters.needed", "NUL"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(parameters: dict[str, str], field: str, said: str) -> None:
    problems = refusal(**parameters)
    assert problems.keys() == {field}
    assert said in problems[field]


def test_missing_values_are_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        render(template(), parameters={}, artifacts={"weights": "w"})
    assert caught.value.problems == {"parameters.needed": "A value for “needed” is missing."}
    with pytest.raises(InvalidInput) as caught:
        render(template(), parameters={"needed": "x"}, artifacts={})
    assert caught.value.problems.keys() == {"artifacts.weights"}


def test_zero_replicas_count_as_one() -> None:
    assert rendered(least="0").min_replicas == 1


def test_json_values_are_structure() -> None:
    assert json.loads(rendered(rows='[[1, 2.5], {"a": null}]').readiness_check.body or "")["rows"] == [
        [1, 2.5],
        {"a": None},
    ]


GOOD = {"weights": ("id-1", "model"), "anything": ("id-2", "other")}


def test_good_bindings_have_no_problems() -> None:
    assert validate_bindings(template(), {"needed": "x"}, GOOD) == {}


@pytest.mark.parametrize(
    ("parameters", "field", "said"),
    [
        ({}, "parameters.needed", "missing"),
        ({"needed": "x", "nedeed": "y"}, "parameters.nedeed", "has no parameter “nedeed”"),
        ({"needed": "x" * 5001}, "parameters.needed", "5,001 characters"),
        ({"needed": "x", "share": "half"}, "parameters.share", "must be a number, not “half”"),
        ({"needed": "x", "share": ""}, "parameters.share", "must be a number"),
        ({"needed": "x", "least": "1.5"}, "parameters.least", "must be a whole number"),
        ({"needed": "x", "loud": "yes"}, "parameters.loud", "must be true or false"),
        ({"needed": "a\0b"}, "parameters.needed", "NUL"),
        ({"needed": "x", "extra": "'"}, "parameters.extra", "cannot be split"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, str], field: str, said: str) -> None:
    problems = validate_bindings(template(), parameters, GOOD)
    assert problems.keys() == {field}
    assert said in problems[field]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"weights": ("id-3", "dataset")}, "artifacts.weights", "must be a model; id-3 is a dataset"),
        (
            {"wieghts": ("id-3", "model")},
            "artifacts.wieghts",
            "has no input artifact “wieghts”. It has: weights, anything",
        ),
    ],
)
def test_wrong_artifacts_are_named(change: dict[str, tuple[str, str]], field: str, said: str) -> None:
    problems = validate_bindings(template(), {"needed": "x"}, GOOD | change)
    assert problems.keys() == {field}
    assert said in problems[field]


def test_missing_artifacts_and_too_many_parameters_are_named() -> None:
    problems = validate_bindings(template(), {f"p{n}": "" for n in range(1001)}, {"weights": ("id-1", "model")})
    assert "1001 parameters" in problems[""]
    assert "missing" in problems["artifacts.anything"]


def test_numbers_are_accepted_as_people_write_them() -> None:
    for number in ("1", "-1.5", "+.5", "1e-3", " 7 "):
        assert validate_bindings(template(), {"needed": "x", "share": number}, GOOD) == {}
