"""The lists of the administration, for administrators of all resource groups."""

from __future__ import annotations

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from deployments.auth.permissions import require_everywhere
from deployments.models import Actor, Connection, ConnectionOffer, Deployment, Replica, ResourceGroup, ServiceKey, User


def connections(actor: Actor) -> QuerySet[Connection]:
    """Return all connections with `group_count` and `deployment_count`."""
    require_everywhere(actor)
    return Connection.objects.annotate(
        group_count=Count("resource_groups", distinct=True),
        deployment_count=Count("resource_groups__deployments"),
    ).order_by("name")


def connection_offers(actor: Actor) -> list[ConnectionOffer]:
    """Return what could be connected with one click: neither dismissed nor connected already."""
    require_everywhere(actor)
    connected = list(Connection.objects.values_list("kind", "options"))
    offers = ConnectionOffer.objects.filter(dismissed_at=None)
    return [offer for offer in offers if (offer.kind, offer.options) not in connected]


def resource_groups(actor: Actor, *, text: str = "") -> QuerySet[ResourceGroup]:
    """Return all resource groups with `deployment_count` and `most_replicas`, the largest count of a deployment.

    Args:
        text: part of an id.
    """
    require_everywhere(actor)
    deployments = Deployment.objects.filter(resource_group=OuterRef("pk")).order_by().values("resource_group")
    reserved = Replica.objects.filter(is_reserved=True, generation__deployment__resource_group=OuterRef("pk"))
    largest = reserved.order_by().values("generation").annotate(n=Count("pk")).order_by("-n").values("n")[:1]
    rows = ResourceGroup.objects.select_related("connection").annotate(
        deployment_count=_number(deployments.annotate(n=Count("pk")).values("n")), most_replicas=_number(largest)
    )
    return rows.filter(id__icontains=text) if text else rows


def users(actor: Actor, *, text: str = "") -> QuerySet[User]:
    """Return all users with their groups.

    Args:
        text: part of a name or e-mail address.
    """
    require_everywhere(actor)
    rows = User.objects.prefetch_related("resource_groups").order_by("username")
    if text:
        names = Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
        rows = rows.filter(names | Q(email__icontains=text))
    return rows


def service_keys(actor: Actor, *, text: str = "") -> QuerySet[ServiceKey]:
    """Return all service keys with their groups, those in use first.

    Args:
        text: part of a name or client id.
    """
    require_everywhere(actor)
    rows = ServiceKey.objects.prefetch_related("resource_groups").order_by(
        F("revoked_at").asc(nulls_first=True), "name", "client_id"
    )
    return rows.filter(Q(name__icontains=text) | Q(client_id__icontains=text)) if text else rows


def _number(rows: QuerySet[Deployment, object] | QuerySet[Replica, object]) -> Coalesce:
    return Coalesce(Subquery(rows, output_field=IntegerField()), 0)
