"""The content of the help dialog: the keyboard shortcuts and the meaning of the statuses."""

from django.utils.translation import gettext_lazy as _

from deployments.lifecycle import Status

SHORTCUTS = (
    ("/", _("Go to the search field")),
    ("g o", _("Go to the overview")),
    ("g s", _("Go to the scenarios")),
    ("g c", _("Go to the configurations")),
    ("g d", _("Go to the deployments")),
    ("c", _("Create")),
    ("?", _("Show this help")),
)

STATUS_MEANINGS = (
    (Status.UNKNOWN.value, _("It has been created and is not known to the runtime yet.")),
    (Status.PENDING.value, _("Its servers are being prepared, started or verified, or wait for capacity.")),
    (Status.RUNNING.value, _("A real request went through the gateway and was answered.")),
    (Status.STOPPING.value, _("It is being stopped: its servers have some seconds to end.")),
    (Status.STOPPED.value, _("It uses no resources. It can be deleted, or created again.")),
    (Status.DEAD.value, _("It failed and uses no resources. Its page says why and what to try.")),
)
