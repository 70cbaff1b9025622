"""ServingTemplate YAML, read into plain data and rendered with values: all that other packages import of it."""

from deployments.serving_template.bindings import validate_bindings
from deployments.serving_template.parser import parse
from deployments.serving_template.renderer import Proof, Recipe, Sample, render
from deployments.serving_template.schema import (
    LONGEST_VALUE,
    MOST_PARAMETERS,
    ArtifactSlot,
    Parameter,
    Retry,
    SecretKey,
    ServingTemplate,
    TemplateInvalid,
)
from deployments.serving_template.yaml_source import Problem

__all__ = [
    "LONGEST_VALUE",
    "MOST_PARAMETERS",
    "ArtifactSlot",
    "Parameter",
    "Problem",
    "Proof",
    "Recipe",
    "Retry",
    "Sample",
    "SecretKey",
    "ServingTemplate",
    "TemplateInvalid",
    "parse",
    "render",
    "validate_bindings",
]
