"""The AI API below /v2: its routers and its authentication."""

from __future__ import annotations

from ninja import NinjaAPI
from ninja.operation import Operation

from deployments.api.artifacts import routes as artifacts
from deployments.api.auth import AccessToken
from deployments.api.configurations import routes as configurations
from deployments.api.deployments import routes as deployments
from deployments.api.docker_registry_secrets import routes as docker_registry_secrets
from deployments.api.errors import answer_errors
from deployments.api.logs import routes as logs
from deployments.api.meta import routes as meta
from deployments.api.resource_groups import routes as resource_groups
from deployments.api.scenarios import routes as scenarios
from deployments.api.secrets import routes as secrets


class AiApi(NinjaAPI):
    """An API whose operation ids are the names of the view functions, which are unique."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


api = AiApi(
    title="Launchpad",
    version=meta.AI_API_VERSION,
    description="Deployments of model servers. Compatible with the SAP AI Core AI API.",
    urls_namespace="ai-api",
    docs_url=None,
    auth=AccessToken(),
)
for module in (scenarios, artifacts, configurations, deployments, logs, meta):
    api.add_router("/lm", module.router)
for module in (resource_groups, secrets, docker_registry_secrets):
    api.add_router("/admin", module.router)
answer_errors(api)
