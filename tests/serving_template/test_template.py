"""Reading deployment templates: what real files look like, and what is said of wrong ones."""

from pathlib import Path

import pytest

from deployments.serving_template import (
    Problem,
    SecretKey,
    ServingTemplate,
    TemplateInvalid,
    parse,
    render,
    validate_bindings,
)

BLOCK_STRINGS = """\
# A template as people keep it in git: sections in block strings, placeholders without quotes.
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: review-classifier
  annotations:
    scenarios.ai.sap.com/name: "Reviews"
    scenarios.ai.sap.com/description: "What people think"
    executables.ai.sap.com/name: "Review classifier"
    executables.ai.sap.com/description: "Good or bad"
    artifacts.ai.sap.com/reviewmodel.kind: "model"
    artifacts.ai.sap.com/reviewmodel.description: "The trained model"
    artifacts.ai.sap.com/reviewmodel.labels: |
        {"ext.ai.sap.com/team": "support", "ext.ai.sap.com/stage": "1.10"}
  labels:
    scenarios.ai.sap.com/id: "reviews"
    ai.sap.com/version: 1.10
spec:
  inputs:
    parameters:
      - name: image
        type: string
        default: registry.example/reviews:1
        description: container image
      - name: portNumber
        type: "string"
        default: 9001
      - name: words
    artifacts:
      - name: reviewmodel
  template:
    apiVersion: "serving.kserve.io/v1beta1"
    metadata:
      annotations: |
        autoscaling.knative.dev/metric: concurrency
        autoscaling.knative.dev/target: 1
      labels: |
        ai.sap.com/resourcePlan: basic   # a comment
    spec: |
      predictor:
        imagePullSecrets:
          - name: <your secret>
        minReplicas: 0
        maxReplicas: 5
        containers:
        - name: kserve-container
          image: {{inputs.parameters.image}}
          command: ["/bin/sh", "-c"]
          args: [--words, {{ inputs.parameters.words }}, "--url={{inputs.artifacts.reviewmodel}}"]
          ports:
          - containerPort: {{inputs.parameters.portNumber}}
            protocol: TCP
          readinessProbe:
            httpGet:
              path: /health
          env:
          - name: STORAGE_URI
            value: "{{inputs.artifacts.reviewmodel}}"
          - name: TOKEN
            valueFrom:
              secretKeyRef: {name: reviews, key: token}
"""

MAPPINGS = """\
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: plain-server
  labels:
    scenarios.ai.sap.com/id: plain
    ai.sap.com/version: "1.0.0"
spec:
  template:
    apiVersion: serving.kserve.io/v1beta1
    spec:
      predictor:
        containers:
          - image: registry.example/plain
"""


def problems_of(text: str, filename: str = "file.yaml") -> list[Problem]:
    with pytest.raises(TemplateInvalid) as caught:
        parse(text, filename=filename)
    return caught.value.problems


def only_problem(text: str) -> Problem:
    problems = problems_of(text)
    assert len(problems) == 1, [str(problem) for problem in problems]
    return problems[0]


def only_template(text: str) -> ServingTemplate:
    (template,) = parse(text)
    return template


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_a_template_with_block_strings_and_bare_placeholders_is_read() -> None:
    template = only_template(BLOCK_STRINGS)
    assert (template.executable_id, template.name, template.description) == (
        "review-classifier",
        "Review classifier",
        "Good or bad",
    )
    assert (template.scenario_id, template.scenario_name, template.scenario_description) == (
        "reviews",
        "Reviews",
        "What people think",
    )
    assert template.version == "1.10"  # as written, not as the number 1.1
    assert [(p.name, p.type, p.default, p.description) for p in template.parameters] == [
        ("image", "string", "registry.example/reviews:1", "container image"),
        ("portNumber", "string", "9001", ""),
        ("words", "string", None, ""),
    ]
    (slot,) = template.artifacts
    assert (slot.name, slot.kind, slot.description) == ("reviewmodel", "model", "The trained model")
    assert slot.labels == {"ext.ai.sap.com/team": "support", "ext.ai.sap.com/stage": "1.10"}
    assert template.resource_plan_expression == "basic"
    assert template.server.image == "{{inputs.parameters.image}}"
    assert (*template.server.command, *template.server.args) == (
        "/bin/sh",
        "-c",
        "--words",
        "{{inputs.parameters.words}}",
        "--url={{inputs.artifacts.reviewmodel}}",
    )
    assert template.server.env == {"STORAGE_URI": "{{inputs.artifacts.reviewmodel}}"}
    assert template.server.health_path == "/health"
    assert template.deployable
    assert template.text == BLOCK_STRINGS


def test_a_template_written_with_mappings_alone_is_read_with_defaults() -> None:
    template = only_template(MAPPINGS)
    assert (template.name, template.scenario_name) == ("plain-server", "plain")
    assert template.parameters == ()
    assert template.artifacts == ()
    assert template.resource_plan_expression == "starter"
    assert template.server.health_path == "/"


def test_the_body_has_its_block_strings_opened() -> None:
    body = only_template(BLOCK_STRINGS).body
    assert body["apiVersion"] == "serving.kserve.io/v1beta1"
    assert body["metadata"] == {
        "annotations": {"autoscaling.knative.dev/metric": "concurrency", "autoscaling.knative.dev/target": "1"},
        "labels": {"ai.sap.com/resourcePlan": "basic"},
    }
    assert isinstance(body["spec"], dict)
    assert isinstance(body["spec"]["predictor"], dict)
    assert body["spec"]["predictor"]["maxReplicas"] == "5"


def test_a_variable_names_its_secret_and_what_only_a_cluster_knows_is_left_unset() -> None:
    template = only_template(BLOCK_STRINGS)
    assert template.server.secret_env == {"TOKEN": SecretKey(secret="reviews", key="token")}
    secret = "secretKeyRef: {name: reviews, key: token}"
    optional = only_template(BLOCK_STRINGS.replace("key: token}", "key: token, optional: true}"))
    assert optional.server.secret_env["TOKEN"].optional
    with_field = only_template(BLOCK_STRINGS.replace(secret, "fieldRef: {fieldPath: metadata.name}"))
    assert "TOKEN" not in with_field.server.secret_env | with_field.server.env


def test_a_file_may_hold_several_templates_each_with_its_own_text() -> None:
    first, second = parse(f"---\n{MAPPINGS}---\n# only a comment\n---\n{BLOCK_STRINGS}...\n")
    assert (first.executable_id, second.executable_id) == ("plain-server", "review-classifier")
    assert parse(second.text)[0] == second
    assert "plain-server" not in second.text


def test_problems_of_every_document_are_found_with_their_lines_in_the_file() -> None:
    wrong = MAPPINGS.replace("kind: ServingTemplate", "kind: WorkflowTemplate")
    text = f"{wrong}---\n{MAPPINGS.replace('name: plain-server', 'name: abc')}"
    kind, name = problems_of(text)
    assert str(kind) == "file.yaml, line 2, kind: This must be ServingTemplate, not “WorkflowTemplate”."
    assert (name.line, name.field) == (line_of(text, "name: abc"), "metadata.name")


def test_the_same_id_twice_in_a_file_is_a_problem() -> None:
    problem = only_problem(f"{MAPPINGS}---\n{MAPPINGS}")
    assert (problem.field, problem.line) == ("metadata.name", MAPPINGS.count("\n") + 5)


@pytest.mark.parametrize(
    ("old", "new", "at", "field", "said"),
    [
        ("v1alpha1\n", "v2\n", "ai.sap.com/v2", "apiVersion", "must be ai.sap.com/v1alpha1"),
        ("name: review-classifier", "name: 'a b c d'", "'a b c d'", "metadata.name", "no valid id"),
        ('id: "reviews"', 'id: "x"', 'id: "x"', "metadata.labels[scenarios.ai.sap.com/id]", "no valid id"),
        ("    ai.sap.com/version: 1.10\n", "", "  labels:", "metadata.labels[ai.sap.com/version]", "missing"),
        ("name: words", "name: image", "- name: image\n    artifacts", "spec.inputs.parameters[2].name", "twice"),
        ("type: string", "type: picture", "picture", "spec.inputs.parameters[0].type", "no type"),
        ("- name: words", "- label: words", "- label", "spec.inputs.parameters[2].name", "name"),
        ('"model"\n', '"pet"\n', '"pet"', "metadata.annotations[artifacts.ai.sap.com/reviewmodel.kind]", "model"),
        ("minReplicas: 0", "minReplicas: few", "few", "spec.template.spec.predictor.minReplicas", "whole number"),
        ("name: TOKEN", "name: STORAGE_URI", "valueFrom", "env[1].name", "set twice"),
        ("{name: reviews, key: token}", "{name: reviews}", "secretKeyRef", "env[1].valueFrom.secretKeyRef", "`key`"),
        ("  template:\n", "  templates:\n", "spec:", "spec.template", "missing"),
        ("      predictor:", "      transformer:", "transformer", "spec.template.spec.predictor", "missing"),
    ],
)
def test_a_wrong_field_is_named_with_its_line(old: str, new: str, at: str, field: str, said: str) -> None:
    assert old in BLOCK_STRINGS
    text = BLOCK_STRINGS.replace(old, new, 1)
    problem = problems_of(text)[0]
    assert problem.field.endswith(field)
    assert said in problem.sentence
    assert abs(problem.line - line_of(text, at)) <= 1


def test_an_undeclared_placeholder_is_named_with_its_line_inside_a_block_string() -> None:
    text = BLOCK_STRINGS.replace("{{inputs.parameters.image}}", "{{inputs.parameters.imge}}")
    problem = only_problem(text)
    assert problem.line == line_of(text, "imge")
    assert problem.field == "spec.template.spec.predictor.containers[0].image"
    assert "{{inputs.parameters.imge}} is not declared" in problem.sentence


def test_an_undeclared_placeholder_is_found_on_its_line_of_a_long_argument() -> None:
    long = "            command:\n            - sh\n            - |\n              one\n              {{secret}}\n"
    problem = only_problem(MAPPINGS + long)
    assert problem.line == line_of(MAPPINGS + long, "{{secret}}")


def test_broken_yaml_is_reported_where_it_breaks() -> None:
    text = BLOCK_STRINGS.replace("  labels:\n    scenarios", "  labels:\n   - scenarios")
    problem = only_problem(text)
    assert problem.sentence.startswith("This is not valid YAML")
    inner = BLOCK_STRINGS.replace("        minReplicas: 0", "       minReplicas: 0")
    assert abs(problems_of(inner)[0].line - line_of(inner, "minReplicas")) <= 1


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n...\n", "just a text", "- a\n- list\n", "a: [1\n", "\0"])
def test_what_is_no_template_at_all_is_one_problem(text: str) -> None:
    assert only_problem(text).line >= 1


def test_a_name_written_twice_is_a_problem() -> None:
    problem = only_problem(MAPPINGS.replace("spec:\n  template", "kind: ServingTemplate\nspec:\n  template"))
    assert "“kind” is written twice" in problem.sentence


def test_more_than_1000_parameters_are_refused() -> None:
    names = "".join(f"      - name: p{number}\n" for number in range(1001))
    text = MAPPINGS.replace("spec:\n", f"spec:\n  inputs:\n    parameters:\n{names}", 1)
    assert "1001 parameters" in only_problem(text).sentence


def test_bombs_end_in_a_problem_instead_of_eating_memory() -> None:
    aliases = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 9))
    assert "too large" in only_problem(MAPPINGS + aliases).sentence
    assert "nested too deeply" in only_problem("a: &a [*a]").sentence
    assert "too deeply" in only_problem("[" * 5000).sentence
    assert "larger than 1 MB" in only_problem("#" * 1_000_001).sentence


def test_yaml_can_make_nothing_but_plain_data(tmp_path: Path) -> None:
    made = tmp_path / "made"
    call = f"!!python/object/apply:os.mkdir [{made}]"
    assert "A text is needed" in only_problem(MAPPINGS.replace("registry.example/plain", call)).sentence
    check = f"  annotations:\n    launchpad/readiness-check: |\n      path: /\n      body: {call}\n  labels:"
    template = only_template(MAPPINGS.replace("  labels:", check, 1))
    assert template.server.readiness_check is not None
    assert template.server.readiness_check.body == [str(made)]
    assert not made.exists()


@pytest.mark.parametrize(
    ("note", "said"),
    [
        ("launchpad/prof: x", "There is no annotation of this name"),
        ('launchpad/retry: "never"', "neither on nor off"),
        ("launchpad/deadlines: |\n      lunch: 5", "no step"),
        ("launchpad/deadlines: |\n      requested: 5", "no step"),
        ("launchpad/drain-seconds: soon", "whole number"),
        ("launchpad/deadlines: |\n      healthy: soon", "whole number"),
        ("launchpad/readiness-check: |\n      path: predict", "begins with /"),
        ("launchpad/readiness-check: |\n      path: /\n      method: FETCH", "no method"),
        ("launchpad/readiness-check: |\n      path: /\n      verb: GET", "A request has"),
        ("launchpad/proof: |\n      path: predict", "begins with /"),
        ("launchpad/split-arguments: command", "no parameter “command”"),
        ("launchpad/readiness-check: |\n      path: /\n      body: {a: '{{inputs.parameters.b}}'}", "not declared"),
    ],
)
def test_our_own_annotations_are_checked(note: str, said: str) -> None:
    text = MAPPINGS.replace("  labels:", f"  annotations:\n    {note}\n  labels:", 1)
    problem = only_problem(text)
    assert said in problem.sentence
    assert problem.field.startswith("metadata.annotations[launchpad/")
    assert 5 <= problem.line <= 5 + note.count("\n") + 1


def test_annotations_and_steps_are_accepted_by_their_former_names() -> None:
    former = "launchpad/proof: 'path: /ready'\n    launchpad/deadlines: 'Proved: 7'"
    server = only_template(MAPPINGS.replace("  labels:", f"  annotations:\n    {former}\n  labels:", 1)).server
    assert server.readiness_check is not None
    assert server.readiness_check.path == "/ready"
    assert server.deadlines == {"VERIFIED": "7"}


@pytest.mark.parametrize(
    ("kind", "written", "default"),
    [
        ("boolean", "True", "true"),
        ("boolean", "FALSE", "false"),
        ("number", "1e3", "1000.0"),
        ("number", "1_000.5", "1000.5"),
        ("number", "0.50", "0.50"),
        ("number", ".5", "0.5"),
        ("integer", "1_000", "1000"),
        ("integer", "0x1F", "31"),
        ("integer", "-7", "-7"),
        ("string", "1_000", "1_000"),
        ("string", "1.10", "1.10"),
        ("string", "True", "True"),
        ("string", '"say {{ message }}"', "say {{ message }}"),
    ],
)
def test_a_default_is_a_value_of_its_type_that_the_untouched_form_sends(kind: str, written: str, default: str) -> None:
    text = f"""
apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata: {{name: defaults, labels: {{scenarios.ai.sap.com/id: odd, ai.sap.com/version: 1.0.0}}}}
spec:
  inputs:
    parameters:
      - {{name: value, type: {kind}, default: {written}}}
  template:
    spec:
      predictor:
        containers:
          - command: [serve]
            env: [{{name: VALUE, value: "{{{{ inputs.parameters.value }}}}"}}]
"""
    template = parse(text)[0]

    values = {parameter.name: parameter.default or "" for parameter in template.parameters}
    assert values == {"value": default}
    assert validate_bindings(template, parameters=values, artifacts={}) == {}
    assert render(template, parameters=values, artifacts={}).env == {"VALUE": default}
