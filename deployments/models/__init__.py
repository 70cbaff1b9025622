"""The tables, one module per noun. `deployments.models` is the only name other packages import."""

from deployments.models.accounts import Actor, Draft, Role, ServiceKey, SignInLink, TokenGrant, User, secret_digest
from deployments.models.artifact import Artifact, ArtifactKind
from deployments.models.audit import AuditEntry, kind_name
from deployments.models.catalog import Executable, ResourcePlan, Scenario
from deployments.models.configuration import Configuration
from deployments.models.deployment import Attempt, Deployment, Generation, Replica
from deployments.models.event import DeploymentEvent, Severity
from deployments.models.message import Reported, columns_of
from deployments.models.saved_view import SavedView
from deployments.models.secret import DOCKER_CONFIG_KEY, Secret
from deployments.models.workspace import (
    Connection,
    ConnectionOffer,
    ConnectionStatus,
    Installation,
    ResourceGroup,
    installation_id,
    offered_kinds,
)

__all__ = [
    "DOCKER_CONFIG_KEY",
    "Actor",
    "Artifact",
    "ArtifactKind",
    "Attempt",
    "AuditEntry",
    "Configuration",
    "Connection",
    "ConnectionOffer",
    "ConnectionStatus",
    "Deployment",
    "DeploymentEvent",
    "Draft",
    "Executable",
    "Generation",
    "Installation",
    "Replica",
    "Reported",
    "ResourceGroup",
    "ResourcePlan",
    "Role",
    "SavedView",
    "Scenario",
    "Secret",
    "ServiceKey",
    "Severity",
    "SignInLink",
    "TokenGrant",
    "User",
    "columns_of",
    "installation_id",
    "kind_name",
    "offered_kinds",
    "secret_digest",
]
