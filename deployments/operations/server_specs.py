"""Checks whether a configuration can be deployed, before a deployment is created or updated."""

from django.utils.translation import gettext as _

from deployments.errors import InvalidInput, QuotaExceeded, SecretMissing
from deployments.models import Configuration, Deployment, ResourceGroup, ResourcePlan
from deployments.operations.capacity import refuse_if_never_schedulable
from deployments.scheduling import secret_values
from deployments.scheduling.compatibility import problem_on
from deployments.scheduling.server_specs import server_spec_of
from deployments.serving_template import ServerSpec, TemplateInvalid


def check_server_spec(
    configuration: Configuration, group: ResourceGroup, *, deployment: Deployment | None = None
) -> ServerSpec:
    """Return the server spec of a configuration, after checking it.

    Args:
        deployment: the one that is updated to it, None for a new one.

    Raises:
        InvalidInput: "configuration" -> why it cannot run, or can never be scheduled on the group's connection.
        QuotaExceeded: it requests more replicas than the group may have per deployment.
    """
    try:
        template = configuration.executable.template
        if problem := problem_on(group.connection, template):
            raise InvalidInput({"configuration": problem})
        server_spec = server_spec_of(configuration)
        secret_values.check(group.pk, server_spec.secret_env)
        secret_values.pull_secrets(group, server_spec)
    except (TemplateInvalid, InvalidInput, SecretMissing) as error:
        raise InvalidInput({"configuration": str(error)}) from error
    if missing := set(configuration.inputs) - set(configuration.artifacts()):
        sentence = _("Its input artifact %(missing)s was deleted.") % {"missing": ", ".join(sorted(missing))}
        raise InvalidInput({"configuration": sentence})
    plan = _plan_named(server_spec.resource_plan)
    _check_quota(group, server_spec.min_replicas)
    refuse_if_never_schedulable(group.connection, plan.resources, server_spec.min_replicas, deployment=deployment)
    return server_spec


def _plan_named(name: str) -> ResourcePlan:
    """Return a resource plan.

    Raises:
        InvalidInput: "configuration" -> which ones there are.
    """
    plan = ResourcePlan.objects.filter(pk=name).first()
    if plan is None:
        plans = ", ".join(ResourcePlan.objects.values_list("pk", flat=True))
        sentence = _("It names the resource plan %(resource_plan)s; there are: %(plans)s.")
        raise InvalidInput({"configuration": sentence % {"resource_plan": repr(name), "plans": plans}})
    return plan


def _check_quota(group: ResourceGroup, replicas: int) -> None:
    """Check how many replicas a deployment of a group may have.

    Raises:
        QuotaExceeded: fewer than these.
    """
    quota = group.replica_quota
    if quota is not None and replicas > quota:
        raise QuotaExceeded(
            _("It wants %(min_replicas)s replicas; the resource group %(group)s allows %(quota)s per deployment.")
            % {"min_replicas": replicas, "group": group.pk, "quota": quota}
        )
