"""The reconciler: each reconcile brings the observed state of one deployment towards its desired state.

    reconcile = lease -> observe -> plan (pure function) -> act -> record (guarded by the lease)

A reconcile may be lost, repeated or interrupted at any point; the next one continues from the rows and the runtime.
"""

from deployments.reconciler.group_removal import remove_emptied_groups
from deployments.reconciler.inquiries import answer_inquiry
from deployments.reconciler.loop import Requeue, reconcile
from deployments.reconciler.offers import look_for_offers
from deployments.reconciler.sweep import SWEEP_SECONDS, housekeeping, observe_connection, remove_unused_files, sweep

__all__ = [
    "SWEEP_SECONDS",
    "Requeue",
    "answer_inquiry",
    "housekeeping",
    "look_for_offers",
    "observe_connection",
    "reconcile",
    "remove_emptied_groups",
    "remove_unused_files",
    "sweep",
]
