"""Users with their role, keys of programs, sign-in links, and the drafts of wizards."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from deployments.models.workspace import ResourceGroup

SIGN_IN_LINK_LIFETIME = timedelta(hours=24)
PERSON_PREFIX = "user-"  # of the client ids of people's tokens; those of service keys begin in another way


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    EDITOR = "editor", _("Editor")
    ADMINISTRATOR = "administrator", _("Administrator")


_RANK = {Role.VIEWER: 0, Role.EDITOR: 1, Role.ADMINISTRATOR: 2}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The person or program that makes a request, with its rights.

    Args:
        name: as shown in the history.
        role: the highest role it has.
        groups: ids of the resource groups it may see, None for all.
    """

    name: str
    role: Role
    groups: frozenset[str] | None = None

    def may(self, role: Role) -> bool:
        """Return whether this actor has at least `role`."""
        return _RANK[self.role] >= _RANK[role]

    def sees(self, group_id: str) -> bool:
        """Return whether a resource group exists for this actor."""
        return self.groups is None or group_id in self.groups

    def covers(self, role: Role, groups: frozenset[str] | None) -> bool:
        """Return whether this actor may at least what `role` may in `groups` (None: in all)."""
        return self.may(role) and (self.groups is None or (groups is not None and groups <= self.groups))

    def within(self, role: Role, groups: frozenset[str] | None) -> Actor:
        """Return this actor with no more than `role`, and in no more than `groups` (None: in all)."""
        visible = self.groups if groups is None else groups if self.groups is None else self.groups & groups
        return Actor(name=self.name, role=min(self.role, role, key=_RANK.__getitem__), groups=visible)


class User(AbstractUser):
    """A person who signs in. A superuser is an administrator of every resource group."""

    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.VIEWER)
    all_groups = models.BooleanField(_("all resource groups"), default=True)
    resource_groups = models.ManyToManyField(ResourceGroup, verbose_name=_("resource groups"), blank=True)
    theme = models.CharField(_("appearance"), max_length=16, blank=True)
    language = models.CharField(_("language"), max_length=8, blank=True)
    workspace = models.ForeignKey(
        ResourceGroup,
        models.SET_NULL,
        related_name="+",
        null=True,
        blank=True,
        verbose_name=_("chosen resource group"),
    )
    has_shortcuts = models.BooleanField(_("keyboard shortcuts"), default=True)
    # Chosen columns of the list of deployments, None for the default ones.
    deployment_columns = models.JSONField(_("columns"), null=True, blank=True)
    notified_at = models.DateTimeField(_("notifications read on"), default=timezone.now)

    @property
    def token_client(self) -> str:
        """The client id of this person's access tokens, which no other person gets, even under the same name."""
        return f"{PERSON_PREFIX}{self.pk}"

    def actor(self) -> Actor:
        """Return this person as operations and queries know them."""
        if self.is_superuser:
            return Actor(name=self.get_username(), role=Role.ADMINISTRATOR)
        groups = None if self.all_groups else frozenset(self.resource_groups.values_list("pk", flat=True))
        return Actor(name=self.get_username(), role=Role(self.role), groups=groups)


class ServiceKey(models.Model):
    """Credentials of a program (client id and hashed secret) for `/oauth/token`."""

    client_id = models.CharField(_("client id"), max_length=128, unique=True)
    secret_hash = models.CharField(_("secret (hashed)"), max_length=64, editable=False)
    name = models.CharField(_("name"), max_length=128, blank=True)
    role = models.CharField(_("role"), max_length=16, choices=Role.choices, default=Role.EDITOR)
    all_groups = models.BooleanField(_("all resource groups"), default=True)
    resource_groups = models.ManyToManyField(ResourceGroup, verbose_name=_("resource groups"), blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires on"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked on"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used on"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("service key")
        verbose_name_plural = _("service keys")
        ordering = ["name", "client_id"]

    def __str__(self) -> str:
        return self.name or self.client_id

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > timezone.now())

    def has_secret(self, secret: str) -> bool:
        """Return whether `secret` is the one that was issued with this key."""
        return hmac.compare_digest(secret_digest(secret), self.secret_hash)


def secret_digest(secret: str) -> str:
    """Return the stored digest of a secret of 256 random bits.

    One round of SHA-256 is enough: slow hashes protect guessable passwords, and one would add 0.3 s to each token.
    """
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class TokenGrant(models.Model):
    """What access tokens of one holder say that it may, kept while one of them can be in use.

    Tokens name their grant. When the database says less than it, the gateway refuses them (`gateway/holders.py`).
    The holder is no foreign key: the grant outlives it.
    """

    id = models.CharField(primary_key=True, max_length=32, editable=False)
    client_id = models.CharField(_("client id"), max_length=128, db_index=True)  # or `User.token_client`
    subject = models.CharField(_("name"), max_length=150)
    role = models.CharField(_("role"), max_length=16, choices=Role.choices)
    groups = models.JSONField(_("resource groups"), null=True)  # their ids, None for all
    expires_at = models.DateTimeField(_("expires on"), db_index=True)

    class Meta:
        verbose_name = _("rights in access tokens")
        verbose_name_plural = _("rights in access tokens")

    def __str__(self) -> str:
        return f"{self.subject} as {self.role}"


class SignInLink(models.Model):
    """A link that signs its user in once. Only the hash of its token is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="sign_in_links")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("expires on"))
    used_at = models.DateTimeField(_("used on"), null=True, blank=True)

    class Meta:
        verbose_name = _("sign-in link")
        verbose_name_plural = _("sign-in links")

    def __str__(self) -> str:
        return f"{self.user} until {self.expires_at:%Y-%m-%d %H:%M}"

    @classmethod
    def issue(cls, user: User) -> str:
        """Make a link for `user`, void the earlier ones, and return its token."""
        cls.objects.filter(user=user).delete()
        token = secrets.token_urlsafe(32)
        expires_at = timezone.now() + SIGN_IN_LINK_LIFETIME
        cls.objects.create(user=user, token_hash=secret_digest(token), expires_at=expires_at)
        return token

    @classmethod
    def redeem(cls, token: str) -> User | None:
        """Return the user a token signs in, None when it is unknown, used or expired. Works once, also in a race."""
        now = timezone.now()
        links = cls.objects.filter(token_hash=secret_digest(token), used_at=None, expires_at__gt=now)
        link = links.select_related("user").first()
        if link is None or not link.user.is_active or not links.update(used_at=now):
            return None
        return link.user


class Draft(models.Model):
    """The input of a user in an unfinished wizard, in one window; `key` names it in addresses and forms."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="drafts")
    resource_group = models.ForeignKey(ResourceGroup, models.CASCADE, related_name="+")
    kind = models.CharField(_("wizard"), max_length=32)
    key = models.CharField(_("key"), max_length=32)
    values = models.JSONField(_("values"), default=dict, blank=True)
    changed_at = models.DateTimeField(_("changed on"), auto_now=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "key"], name="one_draft_per_window"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.user}"
