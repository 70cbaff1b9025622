"""What stands before every page: sign-in, role, and the workspace it is about.

    @require_GET
    @sign_in_required
    @needs(Role.EDITOR)
    def page(request: PageRequest, ...) -> HttpResponse: ...

Pages load what they show from `request.group` only, so that what somebody may not see answers 404. The group is
the one that its reader has chosen, unless the request says for which group its page was shown (a form with
`resource_group`, htmx with the header AI-Resource-Group), or the page is about one thing, which lies in a group of its
own (`enter_group`): a choice made in another window changes neither.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from deployments.auth.permissions import may_administer, require, require_everywhere
from deployments.errors import NotAllowed, OperationRefused
from deployments.models import Actor, ResourceGroup, Role, User
from deployments.queries.workspace import Workspace, workspace_of

P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request of somebody who has signed in and may see `group`, the resource group that the page is about.

    A view may set `section`, the entry of the navigation that its page belongs to, when the address does not say it.
    `chosen_group` is the group that its reader has chosen for pages that say nothing else.
    """

    user: User
    htmx: HtmxDetails
    actor: Actor
    workspace: Workspace
    group: ResourceGroup
    chosen_group: ResourceGroup
    section: str


View = Callable[Concatenate[HttpRequest, P], HttpResponse]
# A page may be streamed, as a download is.
PageView = Callable[Concatenate[PageRequest, P], Any]


def sign_in_required(view: PageView[P]) -> View[P]:
    """Let only people who have signed in pass; give the request its `actor`, `workspace` and `group`.

    What its reader's role does not cover is answered with 403 and the sentence that says so.
    """
    return _signed_in(view, needs_group=True)


def administrator_required(view: PageView[P]) -> View[P]:
    """Let only administrators of all resource groups pass, also while there is no group: `group` may be missing."""

    @wraps(view)
    def checked(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        require_everywhere(request.actor)
        return view(request, *args, **kwargs)

    return _signed_in(checked, needs_group=False)


def _signed_in(view: PageView[P], *, needs_group: bool) -> View[P]:
    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        page = cast(PageRequest, request)
        page.actor = page.user.actor()
        workspace = workspace_of(page.actor, page.user.workspace_id)
        if workspace is not None:
            page.workspace, page.group, page.chosen_group = workspace, workspace.group, workspace.group
            if needs_group and (shown_for := _shown_for(page)):
                enter_group(page, shown_for)
        elif needs_group:
            context = {"is_administrator": may_administer(page.user)}
            return render(request, "access/no_group.html", context, status=403)
        return _answered(view, page, *args, **kwargs)

    return checked


def enter_group(request: PageRequest, group_id: str) -> None:
    """Let the page be about a resource group, whichever one its reader has chosen.

    Raises:
        Http404: its reader may not see the group, or it does not exist any more.
    """
    workspace = request.workspace.entering(group_id)
    if workspace is None:
        raise Http404
    request.workspace, request.group = workspace, workspace.group


def _shown_for(request: PageRequest) -> str:
    """Return the id of the group that the page was shown for which sends this request, `""` when it does not say."""
    sent = request.POST.get("resource_group") or request.headers.get("AI-Resource-Group")
    return sent or request.GET.get("resource_group", "")


def _answered(view: PageView[P], page: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
    """Return what a view answers; what its reader may not, or the state of things forbids, is said on a page."""
    try:
        response: HttpResponse = view(page, *args, **kwargs)
    except (NotAllowed, OperationRefused) as error:
        context = {"reason": str(error), "is_role": isinstance(error, NotAllowed)}
        return render(page, "access/not_allowed.html", context, status=403)
    return response


def needs(role: Role) -> Callable[[PageView[P]], PageView[P]]:
    """Let only people with at least `role` pass; stands below `sign_in_required`."""

    def decorate(view: PageView[P]) -> PageView[P]:
        @wraps(view)
        def checked(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            require(request.actor, role)
            response: HttpResponse = view(request, *args, **kwargs)
            return response

        return checked

    return decorate


def local_address(request: HttpRequest, wanted: str | None, default: str) -> str:
    """Return the address to go on to: `wanted` unless it leads away from this site.

    It begins with a slash: `redirect()` takes any other word for the name of a view.

    Args:
        wanted: as a form or the address gave it.
        default: name of the page to go to instead.
    """
    hosts = {request.get_host()}
    if not wanted or not wanted.startswith("/"):
        return reverse(default)
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=request.is_secure()):
        return wanted
    return reverse(default)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Send to the sign-in page, and from there back: also when htmx asks for a part of a page."""
    htmx = cast(PageRequest, request).htmx
    if htmx:
        here = htmx.current_url_abs_path or reverse("overview")
        return HttpResponseClientRedirect(f"{reverse('sign-in')}?{urlencode({'next': here})}")
    return redirect_to_login(request.get_full_path() if request.method == "GET" else reverse("overview"))
