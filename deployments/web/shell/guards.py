"""The guards of every page: sign-in, role, and the resource group that the page is about.

    @require_GET
    @sign_in_required
    @needs(Role.EDITOR)
    def page(request: PageRequest, ...) -> HttpResponse: ...

Views load data from `request.group` only, so that everything outside of it is answered with 404. The group is the one
that the user has selected, unless the request names the group of its page (a form with `resource_group`, htmx with the
header AI-Resource-Group), or the page is about one object, which has a group of its own (`enter_group`). So a
selection in another window changes neither.
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
    """A request of a signed-in user who may see `group`, the resource group that the page is about.

    A view may set `section`, the entry of the navigation for its page, when the URL does not determine it.
    `chosen_group` is the group that the user has selected.
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
    """Require sign-in; set `actor`, `workspace` and `group` of the request.

    What the user's role does not permit is answered with 403 and the reason.
    """
    return _signed_in(view, needs_group=True)


def administrator_required(view: PageView[P]) -> View[P]:
    """Require an administrator of all resource groups. Works also while there is no group: `group` may be missing."""

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
            if needs_group and (group_id := _group_of_page(page)):
                enter_group(page, group_id)
        elif needs_group:
            context = {"is_administrator": may_administer(page.user)}
            return render(request, "access/no_group.html", context, status=403)
        return _call(view, page, *args, **kwargs)

    return checked


def enter_group(request: PageRequest, group_id: str) -> None:
    """Set the resource group of the request, independent of the user's selection.

    Raises:
        Http404: the user may not see the group, or it does not exist any more.
    """
    workspace = request.workspace.entering(group_id)
    if workspace is None:
        raise Http404
    request.workspace, request.group = workspace, workspace.group


def _group_of_page(request: PageRequest) -> str:
    """Return the id of the group of the page that has sent this request, `""` when it does not say."""
    group_id = request.POST.get("resource_group") or request.headers.get("AI-Resource-Group")
    return group_id or request.GET.get("resource_group", "")


def _call(view: PageView[P], page: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
    """Call a view; render a page with the reason when the role or the current state does not permit the action."""
    try:
        response: HttpResponse = view(page, *args, **kwargs)
    except (NotAllowed, OperationRefused) as error:
        context = {"reason": str(error), "is_role": isinstance(error, NotAllowed)}
        return render(page, "access/not_allowed.html", context, status=403)
    return response


def needs(role: Role) -> Callable[[PageView[P]], PageView[P]]:
    """Require at least `role`; has to be below `sign_in_required`."""

    def decorate(view: PageView[P]) -> PageView[P]:
        @wraps(view)
        def checked(request: PageRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            require(request.actor, role)
            response: HttpResponse = view(request, *args, **kwargs)
            return response

        return checked

    return decorate


def local_address(request: HttpRequest, requested: str | None, default: str) -> str:
    """Return the URL to redirect to: `requested`, unless it leads away from this site.

    It begins with a slash: `redirect()` would take other text for the name of a view.

    Args:
        requested: from a form or a query string.
        default: name of the URL to use instead.
    """
    hosts = {request.get_host()}
    if not requested or not requested.startswith("/"):
        return reverse(default)
    if url_has_allowed_host_and_scheme(requested, allowed_hosts=hosts, require_https=request.is_secure()):
        return requested
    return reverse(default)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """Redirect to the sign-in page and from there back, also for a request of htmx for a part of a page."""
    htmx = cast(PageRequest, request).htmx
    if htmx:
        page = htmx.current_url_abs_path or reverse("overview")
        return HttpResponseClientRedirect(f"{reverse('sign-in')}?{urlencode({'next': page})}")
    return redirect_to_login(request.get_full_path() if request.method == "GET" else reverse("overview"))
