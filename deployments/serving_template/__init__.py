"""ServingTemplate YAML: parsed into plain data, and rendered with values. The public names of this package."""

from deployments.serving_template.bindings import validate_bindings
from deployments.serving_template.parser import parse
from deployments.serving_template.renderer import render
from deployments.serving_template.schema import (
    MAX_PARAMETERS,
    MAX_VALUE,
    InputArtifact,
    Parameter,
    Retry,
    SecretKey,
    ServingTemplate,
    TemplateInvalid,
)
from deployments.serving_template.server_spec import (
    Amounts,
    HealthCheck,
    Mount,
    ReadinessCheck,
    Sample,
    ServerSpec,
    stored_readiness_check,
)
from deployments.serving_template.yaml_source import Problem

__all__ = [
    "MAX_PARAMETERS",
    "MAX_VALUE",
    "Amounts",
    "HealthCheck",
    "InputArtifact",
    "Mount",
    "Parameter",
    "Problem",
    "ReadinessCheck",
    "Retry",
    "Sample",
    "SecretKey",
    "ServerSpec",
    "ServingTemplate",
    "TemplateInvalid",
    "parse",
    "render",
    "stored_readiness_check",
    "validate_bindings",
]
