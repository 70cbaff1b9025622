"""The message for the exit code or the signal of a server. Standard library only, as the shim imports it."""

from __future__ import annotations

import signal

from deployments.runtimes import messages

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any

NOT_EXECUTABLE, NOT_FOUND = 126, 127  # of shells: POSIX, 2.8.2
# EX_USAGE, EX_DATAERR and EX_CONFIG of sysexits.h; the model servers that come with Launchpad keep to them.
ARGUMENTS_REFUSED, DATA_REFUSED, CONFIGURATION_REFUSED = 64, 65, 78
_MEANINGS = {
    ARGUMENTS_REFUSED: messages.ARGUMENTS_REFUSED,
    DATA_REFUSED: messages.MODEL_REFUSED,
    CONFIGURATION_REFUSED: messages.CONFIGURATION_REFUSED,
    NOT_EXECUTABLE: messages.PROGRAM_NOT_EXECUTABLE,
    NOT_FOUND: messages.PROGRAM_NOT_FOUND,
}


def exit_message(code: int, *, machine_ran_out: bool) -> dict[str, Any]:
    """Return the message for an exit code.

    Args:
        machine_ran_out: whether the kernel killed processes for lack of memory while the server ran.
    """
    if meaning := _MEANINGS.get(code):
        return messages.message(meaning, code=code)
    if code > 128 and (
        name := _name(code - 128)
    ):  # of a shell, or another parent of the server, that passes a signal on
        also = _killer(machine_ran_out) if code - 128 == signal.SIGKILL else None
        return messages.message(messages.PROCESS_KILLED, code=code, number=code - 128, name=name, also=also)
    return messages.message(messages.SERVER_EXITED, code=code)


def signal_message(number: int, *, machine_ran_out: bool) -> dict[str, Any]:
    """Return the message for the signal that killed a server and that Launchpad did not send."""
    also = _killer(machine_ran_out) if number == signal.SIGKILL else None
    return messages.message(messages.SERVER_KILLED, number=number, name=_name(number) or "?", also=also)


def _killer(machine_ran_out: bool) -> dict[str, Any]:
    return messages.message(messages.MACHINE_OUT_OF_MEMORY if machine_ran_out else messages.KILLED_FROM_OUTSIDE)


def _name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else ""
