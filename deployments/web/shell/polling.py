"""Answers the polls of unchanged pages with two queries: one for the session, one for everything else.

Only "nothing has changed" (204) may be answered here, since it reveals nothing new. Every other answer comes from the
page's own view with its access checks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db.models import Exists, OuterRef
from django.db.models.expressions import Combinable
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import get_language

from deployments.models import User
from deployments.queries.deployment_versions import list_version
from deployments.web.shell.guards import PageRequest


def version_for(request: HttpRequest, group_id: str, parts: Mapping[str, Combinable], *, salt: str = "") -> str:
    """Return the current version of a page for its user, in one query beside that of the session.

    It depends on the parts, on the user's rights, the language, the day (times are shown as "today 9:43") and
    the time zone. Compute it before the rows are read, so that the next poll finds a change in between.

    Args:
        group_id: the resource group the page is about.
        parts: expressions that change with the page.
        salt: anything else that the page depends on.

    Returns:
        `""` when nobody is signed in, or the user may not see the group.
    """
    session = request.session
    user_id = session.get(SESSION_KEY)
    if user_id is None:
        return ""
    members = User.resource_groups.through.objects.filter(user=OuterRef("pk"), resourcegroup=group_id)
    user = User.objects.filter(pk=user_id, is_active=True).annotate(is_member=Exists(members), **parts).first()
    if user is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return ""
    if not (user.is_superuser or user.all_groups or user.is_member):
        return ""
    values = [getattr(user, name) for name in parts]
    reader = [user.pk, user.role, user.is_superuser, user.all_groups, get_language()]
    day = [timezone.get_current_timezone_name(), timezone.localdate()]
    text = "\0".join(map(str, (group_id, salt, *reader, *day, *values)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def follow_list(request: PageRequest) -> tuple[str, bool]:
    """Return the URL that the list of deployments on a page polls, and whether it is unchanged.

    The URL is that of the page with a version, which is removed from `request.GET`, so that no link contains it.
    """
    version = version_for(request, request.group.pk, list_version(request.group.pk))
    query = request.GET.copy()
    polled = query.pop("v", [""])[-1]
    request.GET = query.copy()  # type: ignore[assignment]  # templates build links from it
    query["v"] = version
    return f"{request.path}?{query.urlencode()}", bool(version) and polled == version
