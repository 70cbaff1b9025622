"""Sign-in and sign-out, and the user's settings: theme, language, workspace, password."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, SetPasswordForm
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deployments.models import Artifact, Configuration, Deployment, SignInLink, User
from deployments.operations.users import set_password
from deployments.web.shell.context import THEME_COOKIE, THEMES
from deployments.web.shell.guards import PageRequest, local_address, sign_in_required
from deployments.web.shell.guide import SHORTCUTS, STATUS_MEANINGS

_BACKEND = "django.contrib.auth.backends.ModelBackend"
_BY_LINK = "signed_in_by_link"  # signed in without a password, so the old one is not required to set a new one
_COOKIE_AGE = 365 * 24 * 3600  # seconds
# Pages of one object, by the argument of their URL: another group does not have the object, but a list.
_OBJECTS: Mapping[str, tuple[type[Model], str]] = {
    "deployment_id": (Deployment, "deployments"),
    "configuration_id": (Configuration, "configurations"),
    "artifact_id": (Artifact, "artifacts"),
}
_WIZARDS = {"deployment-create", "configuration-create", "artifact-create"}  # their drafts belong to one group


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password, then redirect to the requested page."""
    requested = request.POST.get("next") or request.GET.get("next")
    onward = local_address(request, requested, "overview")
    if request.user.is_authenticated:
        return redirect(onward)
    form = AuthenticationForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        auth.login(request, form.get_user())
        return _in_own_language(redirect(onward), form.get_user())
    status = 422 if request.method == "POST" else 200
    return render(request, "access/sign_in.html", _sign_in_context(form, requested), status=status)


def locked_out(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
    """Answer after too many wrong passwords, with the time to wait."""
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    form = AuthenticationForm(request)
    sentence = _("Too many wrong passwords. Wait %(n)s minutes, or ask an administrator for a sign-in link.")
    context = _sign_in_context(form, request.POST.get("next")) | {"locked": sentence % {"n": minutes}}
    response = render(request, "access/sign_in.html", context, status=429)
    response.headers["Retry-After"] = str(minutes * 60)
    return response


@never_cache
@require_GET
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in the user of a link. It works once; afterwards the password is required."""
    user = SignInLink.redeem(token)
    if user is not None:
        auth.login(request, user, backend=_BACKEND)
        request.session[_BY_LINK] = True
        return _in_own_language(redirect("overview"), user)
    if request.user.is_authenticated:  # the same person clicked the link twice
        return redirect("overview")
    messages.warning(
        request,
        _("This sign-in link was used already or is too old. Sign in with your password, or ask for a new link."),
    )
    return redirect("sign-in")


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
@sign_in_required
def password(request: PageRequest) -> HttpResponse:
    """Change the password. After sign-in with a link, or without a password, the old one is not required."""
    needs_no_old_password = request.session.get(_BY_LINK) or not request.user.has_usable_password()
    form = (SetPasswordForm if needs_no_old_password else PasswordChangeForm)(request.user, request.POST or None)
    if form.is_valid():
        set_password(request.user, form.cleaned_data["new_password1"])
        auth.update_session_auth_hash(request, request.user)
        request.session.pop(_BY_LINK, None)
        messages.success(request, _("Your password is changed. You stay signed in here and nowhere else."))
        return redirect("overview")
    return render(request, "access/password.html", {"form": form}, status=422 if form.is_bound else 200)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    return redirect("sign-in")


@require_POST
def appearance(request: HttpRequest) -> HttpResponse:
    """Store the theme for the user, and for the sign-in page in this browser."""
    theme = request.POST.get("theme", "")
    if theme not in THEMES:
        return HttpResponseBadRequest(_("There is no such appearance."))
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(theme=theme)
    response = redirect(local_address(request, request.POST.get("next"), "overview"))
    return _with_cookie(response, THEME_COOKIE, theme)


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Store the language for the user, and for the sign-in page in this browser."""
    chosen = request.POST.get("language", "")
    if chosen not in dict(settings.LANGUAGES):
        return HttpResponseBadRequest(_("There is no such language."))
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=chosen)
    response = redirect(local_address(request, request.POST.get("next"), "overview"))
    return _with_cookie(response, settings.LANGUAGE_COOKIE_NAME, chosen)


@require_POST
@sign_in_required
def shortcuts(request: PageRequest) -> HttpResponse:
    """Turn the keyboard shortcuts of the user on or off."""
    User.objects.filter(pk=request.user.pk).update(has_shortcuts="on" in request.POST)
    return redirect(local_address(request, request.POST.get("next"), "overview"))


@require_GET
@sign_in_required
def help_page(request: PageRequest) -> HttpResponse:
    """Show the keyboard shortcuts and what the statuses mean."""
    return render(request, "access/help.html", {"statuses": STATUS_MEANINGS, "keys": SHORTCUTS})


@require_POST
@sign_in_required
def workspace(request: PageRequest) -> HttpResponse:
    """Select the resource group of the pages."""
    chosen = request.POST.get("workspace", "")
    if all(chosen != group.pk for group in request.workspace.groups):
        raise Http404
    User.objects.filter(pk=request.user.pk).update(workspace=chosen)
    return redirect(_page_in_group(chosen, local_address(request, request.POST.get("next"), "overview")))


def _sign_in_context(form: AuthenticationForm, requested: str | None) -> dict[str, object]:
    provider = settings.LAUNCHPAD_OIDC_NAME if settings.LAUNCHPAD_OIDC_ISSUER else ""
    return {"form": form, "next": requested, "provider": provider}


def _in_own_language(response: HttpResponse, user: User) -> HttpResponse:
    """Store the account's language in a cookie, where polls read it without a query."""
    return _with_cookie(response, settings.LANGUAGE_COOKIE_NAME, user.language) if user.language else response


def _with_cookie(response: HttpResponse, name: str, value: str) -> HttpResponse:
    """Store a setting in a cookie, for the time before sign-in."""
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(name, value, max_age=_COOKIE_AGE, secure=secure, httponly=True, samesite="Lax")
    return response


def _page_in_group(group_id: str, address: str) -> str:
    """Return the page to show after a change of the group: the same one, or a list if the group lacks the object."""
    path, _sign, query = address.partition("?")
    try:
        match = resolve(path)
    except Resolver404:
        return reverse("overview")
    for argument, (model, list_name) in _OBJECTS.items():
        if argument in match.kwargs:
            exists = model._default_manager.filter(pk=match.kwargs[argument], resource_group=group_id).exists()
            return address if exists else reverse(list_name)
    if match.url_name in _WIZARDS:
        return path
    parameters = QueryDict(query, mutable=True)
    parameters.pop("resource_group", None)
    return f"{path}?{parameters.urlencode()}" if parameters else path
