"""The reasons that any runtime may report, each code with its sentences; what only one reports is in its own folder.

The shim, downloads and builds of environments write messages as JSON to their state or their output, so this module
imports the standard library only. In Launchpad itself the same codes are
in the table of `deployments.messages`.
"""

from __future__ import annotations

import json

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any

SENTENCES: dict[str, tuple[str, ...]] = {}  # code -> sentences; the first one whose values are all given is shown
_known: dict[str, tuple[str, ...]] = {}  # the same, with those of the runtimes whose messages are imported


def _(sentence: str) -> str:
    """Mark a sentence for translators."""
    return sentence


def declare(sentences_by_code: dict[str, tuple[str, ...]], code: str, *sentences: str) -> str:
    """Add a reason to the table of a runtime, and return its code.

    Raises:
        ValueError: the code is declared already.
    """
    if code in _known:
        raise ValueError(f"The reason {code} is declared twice.")
    sentences_by_code[code] = _known[code] = sentences
    return code


def _declare(code: str, *sentences: str) -> str:
    return declare(SENTENCES, code, *sentences)


TEXT = "Message"  # text of an installer, a server or the operating system, shown as it is

# --- how a server ended
STOPPED_BEFORE_START = _declare("StoppedBeforeStart", _("It was stopped before its server was started."))
STOPPED_AS_ASKED = _declare("StoppedAsAsked", _("It was asked to stop and ended."))
KILLED_AFTER_GRACE = _declare(
    "KilledAfterGrace", _("It was asked to stop and did not end within %(grace)s and was killed.")
)
OUT_OF_MEMORY = _declare("OutOfMemory", _("The server used more than its %(memory)s of memory and was ended."))
SERVER_EXITED = _declare("ServerExited", _("The server ended with exit code %(code)s."))
ARGUMENTS_REFUSED = _declare(
    "ArgumentsRefused", _("The server ended with exit code %(code)s: it refused its arguments.")
)
MODEL_REFUSED = _declare("ModelRefused", _("The server ended with exit code %(code)s: it refused its model file."))
CONFIGURATION_REFUSED = _declare(
    "ConfigurationRefused", _("The server ended with exit code %(code)s: it refused its configuration.")
)
PROGRAM_NOT_EXECUTABLE = _declare(
    "ProgramNotExecutable",
    _("The server ended with exit code %(code)s: the program may not be executed in its environment or image."),
)
PROGRAM_NOT_FOUND = _declare(
    "ProgramNotFound",
    _("The server ended with exit code %(code)s: the program is not in its environment or image."),
)
PROCESS_KILLED = _declare(
    "ProcessKilled",
    _("The server ended with exit code %(code)s: a process of it was killed by signal %(number)s (%(name)s)."),
)
SERVER_KILLED = _declare("ServerKilled", _("The server was killed by signal %(number)s (%(name)s)."))
MACHINE_OUT_OF_MEMORY = _declare(
    "MachineOutOfMemory", _("The machine ran out of memory and the kernel killed processes.")
)
KILLED_FROM_OUTSIDE = _declare(
    "KilledFromOutside",
    _("Neither its memory limit nor the machine's memory was the reason: somebody or something else killed it."),
)
PROGRAM_MISSING = _declare("ProgramMissing", _("There is no program %(program)s."))
PROGRAM_FORBIDDEN = _declare("ProgramForbidden", _("The program %(program)s may not be executed."))
PROGRAM_NOT_STARTED = _declare("ProgramNotStarted", _("%(program)s cannot be started: %(error)s"))

# --- what is prepared for a server
ENVIRONMENT_NOT_BUILT = _declare("EnvironmentNotBuilt", _("Its Python environment cannot be built: %(cause)s"))
ARTIFACT_NOT_FETCHED = _declare("ArtifactNotFetched", _("Its input artifact %(name)s cannot be fetched: %(cause)s"))
ENDED_SILENTLY = _declare("EndedSilently", _("it ended without a word"))
PREPARING_OUT_OF_MEMORY = _declare("PreparingOutOfMemory", _("it needed more memory than preparing may use"))
MAKER_KILLED = _declare("MakerKilled", _("it was killed by signal %(number)s"))
MAKER_WITHOUT_RIGHTS = _declare(
    "MakerWithoutRights", _("what it needs cannot be prepared with the rights of a server: %(error)s")
)
WAITING_FOR_SAME_ENVIRONMENT = _declare(
    "WaitingForSameEnvironment", _("waiting for the same environment to be built for another deployment")
)
WAITING_FOR_SAME_ARTIFACT = _declare(
    "WaitingForSameArtifact", _("waiting for the same artifact to be fetched for another deployment")
)
WAITING_FOR_SAME_MAKER = _declare("WaitingForSameMaker", _("waiting for another process that makes the same"))
MAKING_ENVIRONMENT = _declare("MakingEnvironment", _("making an empty environment"))
RESOLVING_PACKAGES = _declare("ResolvingPackages", _("resolving the packages"))
INSTALLING_PACKAGES = _declare("InstallingPackages", _("downloading and installing packages for %(lasts)s"))
COMPILED_FILES = _declare("CompiledFiles", _("compiled %(done)s of %(files)s Python files"))

# --- artifacts
FETCHING = _declare("Fetching", _("fetched %(done)s of %(total)s"), _("fetched %(done)s"))
FETCHED = _declare("Fetched", _("fetched %(url)s: %(done)s"))
FETCH_GOES_ON = _declare("FetchGoesOn", _("going on after %(done)s"))
FETCH_TRIED_AGAIN = _declare("FetchTriedAgain", _("%(cause)s; trying again in %(pause)s"))
CACHED_COPY = _declare("CachedCopy", _("cached copy of %(url)s, as %(cause)s"), _("cached copy of %(url)s"))
CHECKING_CHECKSUM = _declare("CheckingChecksum", _("checking the checksum"))
FETCH_FAILED = _declare("FetchFailed", _("%(url)s cannot be fetched: %(cause)s"))
ADDRESS_INVALID = _declare("AddressInvalid", _("%(url)s is no address that can be used"))
CHECKSUM_WRONG = _declare("ChecksumWrong", _("%(url)s has the checksum %(found)s…, not %(wanted)s… as expected"))
FILE_CHANGED = _declare("FileChanged", _("%(path)s was changed since it was uploaded: its checksum is %(found)s…"))
NOTHING_THERE = _declare("NothingThere", _("there is nothing at %(path)s"))
DISK_FULL = _declare(
    "DiskFull",
    _("there is no room for it on the disk (it has %(more)s more)"),
    _("there is no room for it on the disk"),
)
SILENCE = _declare("Silence", _("nothing came for %(limit)s"))
CONNECTION_BROKEN = _declare("ConnectionBroken", _("the connection broke off (%(error)s)"))
LEADS_NOWHERE = _declare("LeadsNowhere", _("it leads to an address that cannot be used"))
LEADS_ELSEWHERE = _declare("LeadsElsewhere", _("it leads to %(url)s, and only http and https are followed"))
LEADS_INSIDE = _declare("LeadsInside", _("it leads to %(url)s, inside of this machine or its network: refused"))
FOLDER_LISTING = _declare(
    "FolderListing",
    _(
        "the server answered the listing of a folder, and a folder cannot be fetched over HTTP: give the "
        "address of one file, an archive for instance"
    ),
)
WRONG_PART = _declare("WrongPart", _("the server answered another part than the one that is missing"))
SERVER_REFUSED = _declare("ServerRefused", _("the server answered %(status)s"))
ENDED_EARLY = _declare("EndedEarly", _("it ended after %(done)s of %(total)s"))
ARTIFACT_OUTSIDE = _declare(
    "ArtifactOutside",
    _("The input artifact %(name)s lies outside the allowed folders, or there is nothing there."),
)

# --- what a template asks for that this machine cannot give
NOTHING_TO_RUN = _declare(
    "NothingToRun",
    _(
        "“%(name)s” names neither a container image nor a command, so nothing here can run it: add a "
        "container with a `command`, or a model format."
    ),
)

# --- the rights that servers run with
RUN_AS_UNKNOWN = _declare(
    "RunAsUnknown",
    _("LAUNCHPAD_RUN_AS is %(user)s, and there is no such user: name the user that model servers run as."),
)
RUN_AS_CANNOT_REACH = _declare(
    "RunAsCannotReach",
    _(
        "The user %(user)s cannot reach %(path)s, as %(folder)s is closed to others, and this machine cannot "
        "show it to model servers alone (%(error)s): they would have to run as root. Run Launchpad as an ordinary "
        "user, have Python, Launchpad and LAUNCHPAD_HOME in folders that everybody may pass (mode 711), e.g. below "
        "/opt, or insist on root with LAUNCHPAD_RUN_AS=root."
    ),
)
RUN_AS_CANNOT_RUN = _declare(
    "RunAsCannotRun",
    _(
        "Model servers cannot run as the user %(user)s: %(error)s. Run Launchpad as an ordinary user, install Python "
        "and Launchpad where everybody may read, e.g. below /opt, or insist on root with LAUNCHPAD_RUN_AS=root."
    ),
)
SANDBOX_MISSING = _declare(
    "SandboxMissing",
    _(
        "LAUNCHPAD_SANDBOX=require, and the kernel of this machine (%(system)s) has no sandbox for: %(parts)s. "
        "Use a kernel with what is named, Landlock and user namespaces switched on, or set LAUNCHPAD_SANDBOX=best."
    ),
)
SANDBOX_BROKEN = _declare(
    "SandboxBroken",
    _(
        "Model servers cannot be started in the sandbox: %(error)s. Name folders that they need in "
        "LAUNCHPAD_SANDBOX_FOLDERS, or switch it off with LAUNCHPAD_SANDBOX=off."
    ),
)

# --- the runtime itself
REPLICA_OF_ANOTHER = _declare("ReplicaOfAnother", _("Another connection has a replica %(replica)s already."))


def message(reason: str, **params: Any) -> dict[str, Any]:
    """Return a message in the form that is stored; values that are empty count as not given."""
    return {"reason": reason, "params": {name: value for name, value in params.items() if value not in (None, "")}}


def line_of(reason: str, **params: Any) -> str:
    """Return a message as a line of output."""
    return json.dumps(message(reason, **params))


def read_line(line: str, limit: int = 200) -> dict[str, Any] | None:
    """Return the message of a line of output: one of ours, else the line as a text; None for an empty line."""
    if line.startswith('{"reason": ') and line.endswith("}"):
        try:
            content = json.loads(line)
        except ValueError:
            content = {}
        if str(content.get("reason")) in {TEXT, *_known} and isinstance(content.get("params"), dict):
            return {"reason": content["reason"], "params": content["params"]}
    return message(TEXT, text=line[:limit]) if line else None


def english(stored: dict[str, Any] | str | None) -> str:
    """Return the English sentence of a message, for the log of an attempt."""
    if not isinstance(stored, dict):
        return stored or ""  # stored by a version that wrote sentences
    values = {name: english(value) if isinstance(value, dict) else value for name, value in stored["params"].items()}
    for name, value in stored["params"].items():
        base, __, unit = name.rpartition("_")
        if unit in {"seconds", "bytes"} and not isinstance(value, str):
            values.setdefault(base, _amount(value, unit))
    also = f" {values['also']}" if "also" in values else ""
    for sentence in _known.get(stored["reason"], ("%(text)s",)):
        try:
            return f"{sentence % values}{also}"
        except KeyError:
            continue  # it needs a value that is not given
    return f"{stored['reason']} {values}"


def _amount(value: float, unit: str) -> str:
    if unit == "seconds":
        return f"{value:g} s"
    for name, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if value >= size:
            return f"{round(value / size, 2):g} {name}"
    return f"{value:g} B"
