"""Answers polls of pages that have not changed: two queries in all, one for the session and one for everything else.

A poll may only be answered here with "nothing has changed" (204), which tells nothing that the page does not know.
Every other answer goes through the page's own view with its checks of access.
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
    """Return the version of a page as its reader would see it now, in one query beside loading the session.

    It depends on the parts, on what the reader may do, on the language, the day (times are shown as "today 9:43") and
    the reader's time zone. Take it before the rows are read: what changes in between is then found by the next poll.

    Args:
        group_id: the resource group the page is about.
        parts: expressions that change with the page.
        salt: what else the page depends on.

    Returns:
        `""` when nobody is signed in or the group is none of theirs.
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
    seen = [getattr(user, name) for name in parts]
    reader = [user.pk, user.role, user.is_superuser, user.all_groups, get_language()]
    day = [timezone.get_current_timezone_name(), timezone.localdate()]
    text = "\0".join(map(str, (group_id, salt, *reader, *day, *seen)))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def follow_list(request: PageRequest) -> tuple[str, bool]:
    """Return the address at which the list of deployments on a page asks for changes, and whether it has none.

    The address is that of the page itself with a version; it is taken out again, so that no link carries it.
    """
    version = version_for(request, request.group.pk, list_version(request.group.pk))
    query = request.GET.copy()
    asked = query.pop("v", [""])[-1]
    request.GET = query.copy()  # type: ignore[assignment]  # templates make links from it
    query["v"] = version
    return f"{request.path}?{query.urlencode()}", bool(version) and asked == version
