"""The reasons that only the local runtime reports. Standard library only: the shim imports this module, too."""

from __future__ import annotations

from deployments.runtimes.messages import _, declare

SENTENCES: dict[str, tuple[str, ...]] = {}  # code -> sentences; the first one whose values are all given is shown


def _declare(code: str, *sentences: str) -> str:
    return declare(SENTENCES, code, *sentences)


# --- how a server ended
SHIM_FAILED = _declare("ShimFailed", _("Launchpad's process beside the server failed: %(error)s"))
PROGRAM_OUTSIDE = _declare(
    "ProgramOutsideSandbox",
    _(
        "The program %(program)s is in no folder that model servers may read: an administrator can add its folder "
        "with LAUNCHPAD_SANDBOX_FOLDERS."
    ),
)
TOO_MANY_TASKS = _declare("TooManyTasks", _("The server had more than %(most)s processes and threads and was ended."))
SERVER_LOST = _declare(
    "ServerLost",
    _("The server was lost: the process that watched it is gone. The machine was restarted, or it was killed."),
)
SPEC_LOST = _declare(
    "SpecLost",
    _("The server was lost and ended: what it was started with, its spec.json, cannot be read any more."),
)
REPLACED = _declare("ReplacedWhilePreparing", _("Launchpad was moved or replaced by another version."))
SHIM_FROZEN = _declare(
    "ShimFrozen", _("It was asked to stop. The process beside it did not answer, so both were killed.")
)

# --- what a template asks for that this machine cannot give
IMAGE_NOT_RUN = _declare(
    "ImageNotRun",
    _(
        "“%(name)s” gives a container image but no command, so the local runtime cannot run it: deploy it on a "
        "connection of the kind Containers, which an administrator adds under Administration → Connections, or add "
        "`command` to its container."
    ),
)
IMAGE_LEFT_OUT = _declare(
    "ImageLeftOut",
    _(
        "“%(name)s” has a command that belongs into its container image: the local runtime runs it without the "
        "image, so its program and files must be on this machine."
    ),
)
CONTAINER_PARTS_LEFT_OUT = _declare(
    "ContainerPartsLeftOut",
    _(
        "“%(name)s” has %(parts)s, which the local runtime leaves out: its servers are programs of this machine, "
        "without a file system of their own."
    ),
)

# --- where a server listens
WRONG_PORT = _declare("WrongPort", _("listens on port %(ports)s instead of %(port)s"))
WRONG_ADDRESS = _declare("WrongAddress", _("listens on %(addresses)s only, not on %(host)s (port %(port)s)"))
EXPOSED = _declare(
    "Exposed",
    _(
        "open to everybody on the network past the token check: it listens on %(addresses)s; "
        "let it listen on 127.0.0.1"
    ),
)

# --- the runtime itself
RUNTIME_BROKEN = _declare(
    "LocalRuntimeBroken",
    _("The local runtime cannot work: %(error)s. Fix this; running servers are not affected."),
)
SHIM_SLOW = _declare("ShimSlow", _("No server could be started within %(limit)s. Is it overloaded?"))
SHIM_NOT_STARTED = _declare("ShimNotStarted", _("The process beside the server cannot be started: %(error)s"))
PORTS_TAKEN = _declare("PortsTaken", _("All ports from %(first)s to %(last)s are taken. Stop what is not needed."))
