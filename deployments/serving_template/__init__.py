"""ServingTemplate YAML, read into plain data and rendered with values: all that other packages import of it."""

from deployments.serving_template.bindings import validate_bindings
from deployments.serving_template.parser import parse
from deployments.serving_template.renderer import Proof, Sample, ServerSpec, render
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
from deployments.serving_template.yaml_source import Problem

__all__ = [
    "MAX_PARAMETERS",
    "MAX_VALUE",
    "InputArtifact",
    "Parameter",
    "Problem",
    "Proof",
    "Retry",
    "Sample",
    "SecretKey",
    "ServerSpec",
    "ServingTemplate",
    "TemplateInvalid",
    "parse",
    "render",
    "validate_bindings",
]
