"""The operations that people and programs may run, one module per noun. Only they write the desired state.

Each takes the actor first and checks its role. It either succeeds as a whole, or raises an error and changes nothing.
"""

from deployments.operations.artifacts import add_artifact, delete_artifact, upload_artifact
from deployments.operations.configurations import create_configuration
from deployments.operations.deployments import (
    BULK_LIMIT,
    BulkItem,
    create_deployment,
    delete_deployment,
    delete_deployments,
    requeue_deployments,
    roll_back_deployment,
    stop_deployment,
    stop_deployments,
    update_deployment,
)
from deployments.operations.templates import ImportedTemplate, import_templates

__all__ = [
    "BULK_LIMIT",
    "BulkItem",
    "ImportedTemplate",
    "add_artifact",
    "create_configuration",
    "create_deployment",
    "delete_artifact",
    "delete_deployment",
    "delete_deployments",
    "import_templates",
    "requeue_deployments",
    "roll_back_deployment",
    "stop_deployment",
    "stop_deployments",
    "update_deployment",
    "upload_artifact",
]
