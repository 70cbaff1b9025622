"""What the pages of the administration show. Each of these is for administrators of all resource groups."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from deployments.auth.permissions import require_everywhere
from deployments.models import Actor, AuditEntry, Connection, Deployment, Replica, ResourceGroup, ServiceKey, User
from deployments.queries.filters import PERIODS


def connections(actor: Actor) -> QuerySet[Connection]:
    """Return all connections with `group_count` and `deployment_count`."""
    require_everywhere(actor)
    return Connection.objects.annotate(
        group_count=Count("resource_groups", distinct=True),
        deployment_count=Count("resource_groups__deployments"),
    ).order_by("name")


def resource_groups(actor: Actor, *, text: str = "") -> QuerySet[ResourceGroup]:
    """Return all resource groups with `deployment_count` and `most_replicas`, the replicas of their widest deployment.

    Args:
        text: part of an id.
    """
    require_everywhere(actor)
    counted = Deployment.objects.filter(resource_group=OuterRef("pk")).order_by().values("resource_group")
    held = Replica.objects.filter(is_reserved=True, generation__deployment__resource_group=OuterRef("pk"))
    each = held.order_by().values("generation").annotate(n=Count("pk")).order_by("-n").values("n")[:1]
    rows = ResourceGroup.objects.select_related("connection").annotate(
        deployment_count=_number(counted.annotate(n=Count("pk")).values("n")), most_replicas=_number(each)
    )
    return rows.filter(id__icontains=text) if text else rows


def users(actor: Actor, *, text: str = "") -> QuerySet[User]:
    """Return all people with their groups.

    Args:
        text: part of a name or address.
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


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which entries of the audit log are wanted; empty fields let everything through.

    Args:
        text: part of an actor, an id, a name or an address.
        period: one of PERIODS.
    """

    text: str = ""
    action: str = ""
    kind: str = ""
    channel: str = ""
    group: str = ""
    period: str = ""


def audit_entries(actor: Actor, wanted: AuditFilter) -> QuerySet[AuditEntry]:
    """Return the entries of the audit log, newest first."""
    require_everywhere(actor)
    exact = {"action": wanted.action, "kind": wanted.kind, "channel": wanted.channel, "group": wanted.group}
    rows = AuditEntry.objects.filter(**{name: value for name, value in exact.items() if value})
    if wanted.period in PERIODS:
        rows = rows.filter(at__gte=timezone.now() - PERIODS[wanted.period])
    if text := wanted.text:
        names = Q(actor__icontains=text) | Q(object_id__icontains=text) | Q(name__icontains=text)
        rows = rows.filter(names | Q(address__icontains=text))
    return rows


def audit_words(actor: Actor) -> tuple[list[str], list[str]]:
    """Return the actions and the kinds that occur in the audit log."""
    require_everywhere(actor)
    rows = AuditEntry.objects.order_by()
    actions, kinds = (sorted(rows.values_list(name, flat=True).distinct()) for name in ("action", "kind"))
    return actions, kinds


def _number(rows: QuerySet[Deployment, object] | QuerySet[Replica, object]) -> Coalesce:
    return Coalesce(Subquery(rows, output_field=IntegerField()), 0)
