"""The runtime of this machine: processes, with a shim beside each."""

from deployments.runtimes.base import Capabilities, Driver
from deployments.runtimes.local.check import check, warnings
from deployments.runtimes.local.driver import LocalRuntime
from deployments.runtimes.local.messages import SENTENCES
from deployments.runtimes.local.options import (
    KIND,
    LABEL,
    OPTION_FIELDS,
    address,
    check_options,
    everything_here,
    open_runtime,
    prepare,
    settings_problem,
    test,
)

__all__ = ["DRIVER", "LocalRuntime", "everything_here"]

DRIVER = Driver(
    kind=KIND,
    label=LABEL,
    capabilities=Capabilities(environments=True, gpus=True, bind_mounts=True),
    open=open_runtime,
    check_options=check_options,
    option_fields=OPTION_FIELDS,
    test=test,
    address=address,
    check=check,
    warnings=warnings,
    prepare=prepare,
    settings_problem=settings_problem,
    everything_here=everything_here,
    sentences=SENTENCES,
)
