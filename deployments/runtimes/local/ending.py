"""How a server ended, in words. Standard library only, for the shim's sake."""

from __future__ import annotations

import signal

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # of shells: POSIX, 2.8.2
# EX_USAGE, EX_DATAERR and EX_CONFIG of sysexits.h; the model servers that come with Launchpad keep to them.
ARGUMENTS_REFUSED, DATA_REFUSED, CONFIGURATION_REFUSED = 64, 65, 78
_MEANINGS = {
    ARGUMENTS_REFUSED: "it refused its arguments",
    DATA_REFUSED: "it refused its model file",
    CONFIGURATION_REFUSED: "it refused its configuration",
    NOT_EXECUTABLE: "the program may not be executed in its environment or image",
    NOT_FOUND: "the program is not in its environment or image",
}


def exit_words(code: int, *, machine_ran_out: bool) -> str:
    """Return the sentence on an exit code.

    Args:
        machine_ran_out: whether the machine's memory was exhausted while the server ran.
    """
    if meaning := _MEANINGS.get(code):
        return f"The server ended with exit code {code}: {meaning}."
    if code > 128 and (name := _name(code - 128)):  # a shell, or what else started the server, passes it on
        ended = f"The server ended with exit code {code}: a process of it was killed by signal {code - 128} ({name})."
        return f"{ended} {_killer(machine_ran_out)}" if code - 128 == signal.SIGKILL else ended
    return f"The server ended with exit code {code}."


def signal_words(number: int, *, machine_ran_out: bool) -> str:
    """Return the sentence on the signal that has killed a server, which was not sent by us."""
    ended = f"The server was killed by signal {number} ({_name(number) or 'unknown'})."
    return f"{ended} {_killer(machine_ran_out)}" if number == signal.SIGKILL else ended


def _killer(machine_ran_out: bool) -> str:
    if machine_ran_out:
        return "The machine ran out of memory and the kernel killed processes."
    return "Neither its memory limit nor the machine's memory was the reason: somebody or something else killed it."


def _name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else ""
