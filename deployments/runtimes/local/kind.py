"""The kind of runtime that runs model servers as processes of this machine."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from deployments.runtimes.kind import Capabilities, Driver
from deployments.runtimes.local.check import check, warnings
from deployments.runtimes.local.messages import SENTENCES
from deployments.runtimes.local.options import (
    OPTION_FIELDS,
    address,
    check_options,
    everything_here,
    isolation,
    open_runtime,
    prepare,
    settings_problem,
    test,
)

DRIVER = Driver(
    kind="local",
    label=gettext_lazy("Local processes"),
    capabilities=Capabilities(environments=True),
    open=open_runtime,
    check_options=check_options,
    option_fields=OPTION_FIELDS,
    test=test,
    address=address,
    isolation=isolation,
    check=check,
    warnings=warnings,
    prepare=prepare,
    settings_problem=settings_problem,
    everything_here=everything_here,
    sentences=SENTENCES,
)
