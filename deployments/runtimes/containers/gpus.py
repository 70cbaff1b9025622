"""The GPUs of an engine, and which of them a container gets: two containers never have the same one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployments.errors import RuntimeRejected
from deployments.messages import Message
from deployments.runtimes.containers import messages
from deployments.runtimes.containers.options import ContainerOptions

_CDI = re.compile(r"nvidia\.com/gpu=(\d+)\Z")


def devices(info: Mapping[str, Any], options: ContainerOptions) -> Sequence[str]:
    """Return the numbers of the GPUs of a connection: as its options say, else those that the engine tells of."""
    if options.gpus is not None:
        return [str(number) for number in range(int(options.gpus))]
    matches = [_CDI.match(str(device.get("ID", ""))) for device in info.get("DiscoveredDevices") or ()]
    return sorted({match[1] for match in matches if match}, key=int)


def choose(all_of_them: Sequence[str], in_use: Iterable[str], number: int) -> tuple[str, ...]:
    """Return GPUs that no container has.

    Raises:
        RuntimeRejected: there are not enough.
    """
    used = set(in_use)
    free = [name for name in all_of_them if name not in used]
    if len(free) < number:
        raise RuntimeRejected(Message(messages.GPUS_TAKEN, {"need": number, "free": len(free)}))
    return tuple(free[:number])
