"""The template context of every page: navigation, workspace and appearance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from deployments.auth.permissions import may_administer
from deployments.models import ArtifactKind, Role
from deployments.queries.connection_health import unreachable_since
from deployments.queries.notifications import unread_count
from deployments.web.shell.guards import PageRequest
from deployments.web.shell.notices import notices
from launchpad.version import VERSION

THEMES = ("", "light", "dark", "contrast")
THEME_COOKIE = "theme"
KEYS = {"scenario": "g s", "configuration": "g c", "deployment": "g d"}
ADMINISTRATION = {
    "connection": "connections",
    "group": "groups",
    "secret": "secrets",
    "user": "users",
    "key": "keys",
    "audit": "audit-log",
}


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return `theme`, `notices`; for signed-in users also `nav`, `workspace`, `may_edit`, `unread`, `version`.

    Only `unread` needs a query, which runs when a template uses it.
    """
    context: dict[str, Any] = {"theme": _theme(request), "notices": lambda: notices(request)}
    if hasattr(request, "actor"):
        page = cast(PageRequest, request)
        context |= {
            "nav": list(_nav(page)),
            "workspace": _workspace(page) if hasattr(page, "workspace") else None,
            "may_edit": page.actor.may(Role.EDITOR),
            "unread": lambda: unread_count(page.user),
            "version": VERSION,
        }
    return context


def _theme(request: HttpRequest) -> str:
    """Return the theme of the account; before sign-in the last one used in this browser."""
    user = getattr(request, "user", None)  # missing when the request failed before it was known
    theme = user.theme if user and user.is_authenticated else request.COOKIES.get(THEME_COOKIE, "")
    return theme if theme in THEMES else ""


def _workspace(request: PageRequest) -> dict[str, Any]:
    workspace, chosen = request.workspace, request.chosen_group.pk
    options = [
        {
            "connection": group.connection.name,
            "group": group.pk,
            "value": group.pk,
            "current": group.pk == workspace.group.pk,
            "unreachable_since": unreachable_since(group.connection),
            "is_disabled": group.connection.disabled_at is not None,
        }
        for group in workspace.groups
    ]
    return {
        "connection": workspace.group.connection.name,
        "group": workspace.group.pk,
        "unreachable_since": unreachable_since(workspace.group.connection),
        "options": options,
        "chosen": chosen if chosen != workspace.group.pk else "",
    }


def _nav(request: PageRequest) -> Iterator[dict[str, Any]]:
    section = _section(request)
    overview = reverse("overview")
    yield {
        "label": _("Overview"),
        "icon": "layout-dashboard",
        "url": overview,
        "current": section == "overview",
        "key": "g o",
    }
    artifacts = reverse("artifacts")
    items = [
        (_("Scenarios"), reverse("scenarios"), "scenario"),
        (_("Configurations"), reverse("configurations"), "configuration"),
        (_("Deployments"), reverse("deployments"), "deployment"),
        (_("Datasets"), f"{artifacts}?kind=dataset", ArtifactKind.DATASET),
        (_("Models"), f"{artifacts}?kind=model", ArtifactKind.MODEL),
        (_("Result Sets"), f"{artifacts}?kind=resultset", ArtifactKind.RESULTSET),
        (_("Other Artifacts"), f"{artifacts}?kind=other", ArtifactKind.OTHER),
    ]
    entries = [
        {"label": label, "url": url, "current": section == name, "key": KEYS.get(name, "")}
        for label, url, name in items
    ]
    yield {"label": _("ML Operations"), "icon": "gauge", "items": entries}
    if pages := list(_administration(request, section)):
        yield {"label": _("Administration"), "icon": "settings", "items": pages}


def _administration(request: PageRequest, current: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of the administration; administrators of some groups get only secrets."""
    if not request.actor.may(Role.ADMINISTRATOR):
        return
    everywhere = may_administer(request.user)
    entries = [
        (_("Connections"), "connection", True),
        (_("Resource Groups"), "group", True),
        (_("Secrets"), "secret", False),
        (_("Users"), "user", True),
        (_("Service Keys"), "key", True),
        (pgettext("page", "Audit Log"), "audit", True),
    ]
    for label, section, is_for_all_groups in entries:
        if everywhere or not is_for_all_groups:
            url = reverse(ADMINISTRATION[section])
            yield {"label": label, "url": url, "current": current == section}
    if everywhere:
        for label, name in ((_("Deployment Templates"), "executable"), (_("Resource Plans"), "resourceplan")):
            yield {"label": label, "url": reverse(f"admin:deployments_{name}_changelist"), "current": False}
        yield {"label": pgettext("admin site", "All Objects"), "url": reverse("admin:index"), "current": False}


def _section(request: PageRequest) -> str:
    """Return the entry of the navigation for a page: set by its view, else derived from the name of its URL."""
    if hasattr(request, "section"):
        return request.section
    name = request.resolver_match.url_name or "" if request.resolver_match else ""
    noun = name.split("-")[0].removesuffix("s")
    if noun == "artifact":
        return request.GET.get("kind", "")
    return "scenario" if noun == "template" else noun
