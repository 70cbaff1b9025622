"""The installation, its connections to runtimes, and the resource groups on them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from deployments import reasons
from deployments.errors import LaunchpadError, RuntimeUnavailable
from deployments.models.message import MessageField
from deployments.models.nodes import NodesField
from deployments.runtimes.base import Owner
from deployments.runtimes.kind import Driver
from deployments.runtimes.registry import driver_of, kinds
from deployments.storage.secrets import WrongKey, decrypt


def new_installation_id() -> str:
    """Return an id that no other installation has."""
    return secrets.token_hex(8)


class Installation(models.Model):
    """The one row with the id of this installation, which all its model servers carry.

    It is in the database like the rows of the desired servers: after a backup was restored, or LAUNCHPAD_HOME was
    moved, rows and servers still belong together.
    """

    number = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    id_of_installation = models.CharField(_("id"), max_length=32, default=new_installation_id, editable=False)

    class Meta:
        verbose_name = _("installation")
        verbose_name_plural = _("installation")

    def __str__(self) -> str:
        return self.id_of_installation


def installation_id() -> str:
    """Return the id of this installation, created by the first call."""
    return Installation.objects.get_or_create(pk=1)[0].id_of_installation


class Connection(models.Model):
    """One configured runtime.

    `kind` names its driver (`runtimes/registry.py`), `options` holds what that needs beside the settings, `encrypted`
    its secrets. While `disabled_at` is set it takes no new deployments; those that it has are not affected.
    """

    name = models.SlugField(_("name"), max_length=64, unique=True)
    kind = models.CharField(_("runtime"), max_length=32, default="local")
    options = models.JSONField(_("options"), default=dict, blank=True)
    encrypted = models.TextField(_("secrets (encrypted)"), blank=True, editable=False)
    disabled_at = models.DateTimeField(_("disabled on"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Let the driver check the options, also together with those of other connections of its kind."""
        try:
            driver = self.driver
        except LaunchpadError as error:
            raise ValidationError({"kind": str(error)}) from error
        others = Connection.objects.filter(kind=self.kind).exclude(pk=self.pk).values_list("options", flat=True)
        if problem := driver.check_options(self.options, list(others)):
            raise ValidationError({"options": problem})

    @property
    def driver(self) -> Driver:
        """The driver of its kind.

        Raises:
            RuntimeUnavailable: this version of Launchpad does not have it.
        """
        return driver_of(self.kind)

    @property
    def kind_label(self) -> str:
        """The name of its kind for people."""
        try:
            return str(self.driver.label)
        except LaunchpadError:
            return self.kind

    @property
    def address(self) -> str:
        """Where it leads to, for people; `""` when its driver does not say."""
        try:
            return self.driver.address(self.options or {})
        except LaunchpadError:
            return ""

    @property
    def isolation(self) -> str:
        """What keeps its servers from the rest of this machine, for people; `""` when its driver does not say."""
        try:
            return self.driver.isolation()
        except LaunchpadError:
            return ""

    def owner(self) -> Owner:
        """Return what its replicas carry."""
        return Owner(installation=installation_id(), connection=str(self.pk))

    def secrets(self) -> Mapping[str, str]:
        """Return its secrets in clear.

        Raises:
            RuntimeUnavailable: they were encrypted with a key that does not exist any more.
        """
        if not self.encrypted:
            return {}
        try:
            return decrypt(self.encrypted)
        except WrongKey as error:
            raise RuntimeUnavailable(reasons.CONNECTION_SECRETS_NOT_READABLE(connection=self.name)) from error


def offered_kinds() -> Sequence[tuple[str, str]]:
    """Return kind and label of the runtimes that a connection may be made for."""
    return kinds()


class ConnectionOffer(models.Model):
    """Something on this machine that a connection could be made for. Found by the worker (`reconciler/offers.py`).

    `digest` is that of its options, which identify it among those of its kind.
    """

    kind = models.CharField(_("runtime"), max_length=32)
    digest = models.CharField(_("digest of the options"), max_length=64)
    name = models.SlugField(_("name"), max_length=64)
    options = models.JSONField(_("options"), default=dict, blank=True)
    message = MessageField(_("what answers"))
    dismissed_at = models.DateTimeField(_("dismissed on"), null=True, blank=True)

    class Meta:
        verbose_name = _("offer of a connection")
        verbose_name_plural = _("offers of connections")
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="one_offer_per_options")]

    def __str__(self) -> str:
        return self.name


class ConnectionStatus(models.Model):
    """The last observed status of a connection, written by the sweep for readers that may not call the runtime.

    `nodes` is None until it has answered once; `unreachable_since` is set, with why in `problem`, while it does
    not answer, and `contacted_at` is then when it last did. While it answers, `contacted_at` lags behind by a few
    seconds, so that not each sweep commits.
    """

    connection = models.OneToOneField(Connection, models.CASCADE, primary_key=True, related_name="status")
    nodes = NodesField(_("nodes"))
    contacted_at = models.DateTimeField(_("last answered on"), null=True)
    unreachable_since = models.DateTimeField(_("unreachable since"), null=True)
    problem = MessageField(_("why it is not reachable"))

    class Meta:
        verbose_name = _("status of a connection")
        verbose_name_plural = _("statuses of connections")

    def __str__(self) -> str:
        return f"Status of {self.connection}"


class ResourceGroup(models.Model):
    """Isolates configurations, artifacts, deployments and quotas of one group of people.

    Quotas are counts; None means without limit. `deleting_since` is set while the group is deleted with its content.
    """

    id = models.SlugField(_("id"), primary_key=True, max_length=253)
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="resource_groups")
    labels = models.JSONField(_("labels"), default=dict, blank=True)
    deployment_quota = models.PositiveIntegerField(_("quota of deployments"), null=True, blank=True)
    replica_quota = models.PositiveIntegerField(_("quota of replicas per deployment"), null=True, blank=True)
    created_at = models.DateTimeField(_("created on"), auto_now_add=True)
    deleting_since = models.DateTimeField(_("being deleted since"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("resource group")
        verbose_name_plural = _("resource groups")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id
