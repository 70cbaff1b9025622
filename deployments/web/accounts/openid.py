"""Sign-in by OpenID Connect: django-allauth speaks with the provider; who that person is here is decided below.

Only used when LAUNCHPAD_OIDC_ISSUER is set. A person is known by what the provider calls them (`sub`); the first time
by an e-mail address that the provider has verified and that an administrator has entered for somebody here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from deployments.models import ResourceGroup, Role, User
from deployments.operations.audit import record

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Nothing of allauth but the way to the provider: no pages, no mails, no messages of its own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return _back(request, _("Your account may not sign in. Ask an administrator."))

    def add_message(self, *args: object, **kwargs: object) -> None:
        """Say nothing: the page that opens is message enough."""


class People(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Who of us somebody is whom the provider knows."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the account that an administrator has made for a person who comes for the first time."""
        if sociallogin.is_existing:
            return
        email = sociallogin.user.email
        found = list(User.objects.filter(email__iexact=email)[:2]) if email else []
        if not found:
            return
        if len(found) > 1:
            _refuse(request, _("Several accounts here have the address %(email)s. Ask an administrator."), email)
        verified = {address.email.lower() for address in sociallogin.email_addresses if address.verified}
        if email.lower() not in verified:
            _refuse(request, _("The provider has not verified your address %(email)s. Ask an administrator."), email)
        sociallogin.connect(request, found[0])

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Let people without an account in only when the settings give them a role."""
        if not settings.LAUNCHPAD_OIDC_ROLE:
            _refuse(request, _("There is no account for %(email)s here. Ask an administrator."), _name(sociallogin))
        return True

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        """Make an account with the role and the resource groups of the settings."""
        groups: list[str] = settings.LAUNCHPAD_OIDC_GROUPS
        sociallogin.user.role = Role(settings.LAUNCHPAD_OIDC_ROLE)
        sociallogin.user.all_groups = "*" in groups
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            user.resource_groups.set(ResourceGroup.objects.filter(pk__in=groups))
            told = {"role": user.role, "groups": None if user.all_groups else groups, "email": user.email}
            record(user.get_username(), "create", user, after=told)
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: object,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: object = None,
    ) -> None:
        """Go back to the sign-in page and say that it did not work; the log says why."""
        told = _("Signing in with %(name)s did not work: %(error)s. Try again, or use your password.")
        reason = (
            _("it was cancelled") if error == "cancelled" else str(exception or _("the provider did not confirm it"))
        )
        values = {"name": settings.LAUNCHPAD_OIDC_NAME, "error": reason}
        raise ImmediateHttpResponse(_back(request, told % values))


def _name(sociallogin: SocialLogin) -> str:
    return str(sociallogin.user.email or sociallogin.user.get_username() or sociallogin.account.uid)


def _refuse(request: HttpRequest, told: str, email: str) -> NoReturn:
    record(email, "sign-in refused", "user")
    raise ImmediateHttpResponse(_back(request, told % {"email": email}))


def _back(request: HttpRequest, told: str) -> HttpResponse:
    messages.error(request, told)
    return redirect("sign-in")
