"""The reconciler: each reconcile brings the observed state of one deployment towards its desired state.

    pass = lease -> observe -> plan (pure function) -> act -> record (guarded by the lease)

Passes may be lost, doubled or cut off anywhere; the next one goes on from the rows and from what the runtime shows.
"""

from deployments.reconciler.housekeeping import remove_emptied_groups
from deployments.reconciler.loop import Requeue, reconcile
from deployments.reconciler.sweep import SWEEP_SECONDS, housekeeping, look_at, remove_unused_files, sweep

__all__ = [
    "SWEEP_SECONDS",
    "Requeue",
    "housekeeping",
    "look_at",
    "reconcile",
    "remove_emptied_groups",
    "remove_unused_files",
    "sweep",
]
