"""Sign-in with OpenID Connect: django-allauth implements the protocol, this module maps its users to accounts.

Only used when LAUNCHPAD_OIDC_ISSUER is set. A user is identified by the provider's `sub`; at the first sign-in by an
e-mail address that the provider has verified and that an administrator has entered for an account.
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
    """Disables everything of allauth except the protocol: no pages, mails or messages of its own."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return _back(request, _("Your account may not sign in. Ask an administrator."))

    def add_message(self, *args: object, **kwargs: object) -> None:
        """Do nothing: the page that opens is enough feedback."""


class People(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Maps a user of the provider to an account."""

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Find the account that an administrator has created, at the first sign-in of a user."""
        if sociallogin.is_existing:
            return
        email = sociallogin.user.email
        users = list(User.objects.filter(email__iexact=email)[:2]) if email else []
        if not users:
            return
        if len(users) > 1:
            _refuse(request, _("Several accounts here have the address %(email)s. Ask an administrator."), email)
        verified = {address.email.lower() for address in sociallogin.email_addresses if address.verified}
        if email.lower() not in verified:
            _refuse(request, _("The provider has not verified your address %(email)s. Ask an administrator."), email)
        sociallogin.connect(request, users[0])

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Admit users without an account only if the settings give them a role."""
        if not settings.LAUNCHPAD_OIDC_ROLE:
            _refuse(request, _("There is no account for %(email)s here. Ask an administrator."), _name(sociallogin))
        return True

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        """Create an account with the role and the resource groups of the settings."""
        groups: list[str] = settings.LAUNCHPAD_OIDC_GROUPS
        sociallogin.user.role = Role(settings.LAUNCHPAD_OIDC_ROLE)
        sociallogin.user.all_groups = "*" in groups
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            user.resource_groups.set(ResourceGroup.objects.filter(pk__in=groups))
            values = {"role": user.role, "groups": None if user.all_groups else groups, "email": user.email}
            record(user.get_username(), "create", user, after=values)
        return user

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: object,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: object = None,
    ) -> None:
        """Redirect to the sign-in page with a message that it failed."""
        sentence = _("Signing in with %(name)s did not work: %(error)s. Try again, or use your password.")
        reason = (
            _("it was cancelled") if error == "cancelled" else str(exception or _("the provider did not confirm it"))
        )
        values = {"name": settings.LAUNCHPAD_OIDC_NAME, "error": reason}
        raise ImmediateHttpResponse(_back(request, sentence % values))


def _name(sociallogin: SocialLogin) -> str:
    return str(sociallogin.user.email or sociallogin.user.get_username() or sociallogin.account.uid)


def _refuse(request: HttpRequest, sentence: str, email: str) -> NoReturn:
    record(email, "sign-in refused", "user")
    raise ImmediateHttpResponse(_back(request, sentence % {"email": email}))


def _back(request: HttpRequest, sentence: str) -> HttpResponse:
    messages.error(request, sentence)
    return redirect("sign-in")
