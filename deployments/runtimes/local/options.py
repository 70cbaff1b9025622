"""The options of a connection to this machine, and the runtime that is opened with them.

These connections share the machine. One without options uses all that the settings allow; of several, each has its
share: `memory_gb`, `cpu` and, where there are any, `gpus`, in the units of resource plans.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import psutil
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.errors import RuntimeUnavailable
from deployments.messages import TEXT, Message, size
from deployments.runtimes.base import (
    ConnectionReport,
    Owner,
    Resources,
)
from deployments.runtimes.local import machine
from deployments.runtimes.local.driver import LocalRuntime
from deployments.runtimes.options import resource_fields
from deployments.runtimes.preparation import sandbox
from deployments.runtimes.preparation.rights import RightsRefused, rights_for

_SHARES = ("memory_gb", "cpu", "gpus")
OPTION_FIELDS = resource_fields(
    memory=gettext_lazy("Its share of this machine. Empty: all that there is."),
    cpu=gettext_lazy("Cores may be given out several times: what is idle may be used by any server."),
)


def open_runtime(owner: Owner, options: Mapping[str, Any], secrets: Mapping[str, str]) -> LocalRuntime:
    """Return the runtime of a connection of this machine; it has no secrets.

    Raises:
        RuntimeUnavailable: the options cannot be used.
    """
    if problem := _problem(options):
        raise RuntimeUnavailable(problem)
    return _local_runtime(owner, _share(options))


def everything_here() -> LocalRuntime:
    """Return a runtime over all servers of this LAUNCHPAD_HOME."""
    return _local_runtime(None, _machine())


def prepare() -> None:
    """Build the wheel of the model servers that come with Launchpad.

    Raises:
        RuntimeUnavailable: it cannot be built, or nothing may be run with the present settings.
    """
    try:
        everything_here().preparation().wheel()
    except RightsRefused as error:
        raise RuntimeUnavailable(error.message) from error


def settings_problem() -> str:
    """Return why no server may be started with the present settings, `""` when they may."""
    home = Path(settings.LAUNCHPAD_HOME)
    if not home.is_dir():
        return ""
    try:
        python = os.path.realpath(sys.executable)
        rights_for(settings.LAUNCHPAD_RUN_AS, home.resolve(), python, sandbox.of_settings())
    except RightsRefused as error:
        return str(error)
    return ""


def isolation() -> str:
    """Return which parts of the sandbox are around each server, in words."""
    if settings.LAUNCHPAD_SANDBOX == sandbox.OFF:
        return _("switched off (LAUNCHPAD_SANDBOX=off)")
    words = {"files": _("files"), "ports": _("ports"), "signals": _("signals"), "sockets": _("sockets")}
    present = ", ".join(words[name] for name in sandbox.present())
    lacking = ", ".join(f"{words[name]} ({needed})" for name, needed in sandbox.missing())
    if not lacking:
        return present
    if not present:
        return _("none, missing: %(parts)s") % {"parts": lacking}
    return _("%(present)s, missing: %(parts)s") % {"present": present, "parts": lacking}


def address(options: Mapping[str, Any]) -> str:
    """Return where such a connection leads to: all of them to this machine."""
    return _("this machine")


def test(options: Mapping[str, Any], secrets: Mapping[str, str]) -> ConnectionReport | Message:
    """Return what this machine has and what of it a connection with these options would place on."""
    if problem := _problem(options) or settings_problem():
        return TEXT(text=problem)
    share, system = _share(options), os.uname()
    return ConnectionReport(
        version=f"{system.sysname} {system.release}",
        cpu_millis=(os.cpu_count() or 1) * 1000,
        memory_bytes=machine.memory(),
        gpus=_machine().gpus,
        disk_free_bytes=psutil.disk_usage(str(settings.LAUNCHPAD_HOME)).free,
        facts=[
            (_("Deployments get"), f"{size(share.memory_bytes)}, {share.cpu_millis / 1000:g} CPU, {share.gpus} GPU"),
            ("Python", platform.python_version()),
            (_("Sandbox"), isolation()),
        ],
    )


def check_options(options: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    """Return what is wrong with options, `""` for nothing.

    Args:
        others: options of the other connections of this machine: together they may offer what it has, and no more.
    """
    if problem := _problem(options):
        return problem
    shares = [_share(candidate) for candidate in (options, *others) if not _problem(candidate)]
    excess = _excess(reduce(Resources.plus, shares), _machine())
    if not excess:
        return ""
    if not others:
        return _("This machine does not have that much: %(excess)s.") % {"excess": excess}
    return _(
        "The connections of this machine would promise more than it has: %(excess)s. Name the share of each in its "
        "options: memory, CPU and GPUs."
    ) % {"excess": excess}


def _excess(promised: Resources, whole: Resources) -> str:
    """Return which resources the connections would offer beyond those of the machine, `""` for none."""
    amounts = [
        (_("%(sum)g of %(whole)g GB of memory"), promised.memory_bytes, whole.memory_bytes, 1e9),
        (_("%(sum)g of %(whole)g CPU"), promised.cpu_millis, whole.cpu_millis, 1e3),
        (_("%(sum)g of %(whole)g GPU"), promised.gpus, whole.gpus, 1),
    ]
    return ", ".join(
        words % {"sum": round(total / unit, 2), "whole": round(most / unit, 2)}
        for words, total, most, unit in amounts
        if total > most
    )


def _problem(options: Mapping[str, Any]) -> str:
    if not isinstance(options, Mapping):
        return _('Options are an object, e.g. {"memory_gb": 8, "cpu": 4}.')
    for name, value in options.items():
        if name not in _SHARES:
            return _("There is no option %(name)s here. A connection of this machine has: %(names)s.") % {
                "name": name,
                "names": ", ".join(_SHARES),
            }
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
        if not is_number or (name == "gpus" and value % 1):
            return _("%(name)s is %(value)s: write a number from 0 on, for gpus a whole one.") % {
                "name": name,
                "value": value,
            }
    return ""


def _share(options: Mapping[str, Any]) -> Resources:
    """Return the resources of a connection; those that its options do not limit are all of the machine."""
    whole = _machine()
    memory, cpu, gpus = (options.get(name) for name in _SHARES)
    return Resources(
        cpu_millis=whole.cpu_millis if cpu is None else int(cpu * 1000),
        memory_bytes=whole.memory_bytes if memory is None else int(memory * 1_000_000_000),
        gpus=whole.gpus if gpus is None else int(gpus),
    )


def _machine() -> Resources:
    memory = int(settings.LAUNCHPAD_MEMORY_GB * 1_000_000_000)
    return machine.capacity(settings.LAUNCHPAD_CPU_OVERCOMMIT, memory or None)


def _local_runtime(owner: Owner | None, capacity: Resources) -> LocalRuntime:
    home = Path(settings.LAUNCHPAD_HOME)
    return LocalRuntime(
        home=home,
        owner=owner,
        capacity=capacity,
        run_as=settings.LAUNCHPAD_RUN_AS,
        allowed_roots=settings.LAUNCHPAD_FILE_ROOTS,
        sandbox=sandbox.of_settings(),
    )
