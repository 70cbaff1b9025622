"""The progress of a generation to public traffic: how long each step took, and how long it typically takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from deployments.lifecycle import Step
from deployments.messages import Message
from deployments.models import Generation
from deployments.queries.deployment_setbacks import Setback, setback_of

LABELS: Mapping[Step, str | Promise] = {
    Step.REQUESTED: _("Requested"),
    Step.PLACED: _("Placed"),
    Step.PREPARED: _("Environment prepared"),
    Step.FETCHED: _("Model fetched"),
    Step.STARTED: _("Server started"),
    Step.HEALTHY: _("Healthy"),
    Step.VERIFIED: _("Verified"),
    Step.ROUTED: _("Routed"),
}
_ORDER: Mapping[Step, int] = {step: number for number, step in enumerate(Step)}
HISTORY = 20  # generations used for typical durations
SAMPLES_NEEDED = 3  # fewer do not give a typical duration
SLOW_FACTOR = 2.0
MIN_SLOW_EXCESS = timedelta(seconds=5)  # beyond the typical duration; otherwise every quick step could be "slow"


@dataclass(frozen=True, kw_only=True)
class ProgressStep:
    """One step of the progress.

    Args:
        state: "done", "now", "failed" or "upcoming".
        at: when it was done; for the current step, when it began.
        took: how long it took, or has taken so far; None before it begins.
        typical: median of the template's earlier generations, None when there are too few.
        slow: whether it takes much longer than typical. Waiting for capacity is not slow: it has its own reason.
        message: what it is doing or why it failed, None when there is nothing to report.
        setback: the attempt that failed at this step, and the next one.
    """

    step: Step
    state: str
    at: datetime | None = None
    took: timedelta | None = None
    typical: timedelta | None = None
    slow: bool = False
    message: Message | None = None
    setback: Setback | None = None

    @property
    def label(self) -> str | Promise:
        return LABELS[self.step]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The steps of a generation that apply to it.

    Args:
        took: from the request to the last completed step, or until now while steps are pending.
        typical: the same as the median of the template's history.
        slow_at: when the current step becomes slow; None when it is already, or never will.
    """

    steps: Sequence[ProgressStep]
    took: timedelta
    typical: timedelta | None
    slow_at: datetime | None = None

    @property
    def slow(self) -> bool:
        return any(step.slow for step in self.steps)

    @property
    def is_done(self) -> bool:
        return all(step.state == "done" for step in self.steps)

    @property
    def current(self) -> ProgressStep | None:
        return next((step for step in self.steps if step.state in {"now", "failed"}), None)


def progress_of(
    generation: Generation, *, now: datetime, message: Message | None = None, is_ending: bool = False
) -> Progress:
    """Return the steps of a generation, in two queries.

    A step at which an attempt failed is "failed" until a later attempt has completed it.

    Args:
        message: the deployment's message about its current step.
        is_ending: whether it is being stopped, so that there is no current step.
    """
    done = _times(generation)
    typical = typical_durations(generation.configuration.executable_id)
    has_failed = generation.outcome == Generation.Outcome.FAILED
    setback = None if is_ending or (generation.outcome and not has_failed) else setback_of(generation, now=now)
    state = "upcoming" if is_ending else "failed" if has_failed or setback else "now"
    if state == "failed":
        message = generation.message or (setback.attempt.message if setback else None)
    steps: list[ProgressStep] = []
    begin = last = done.get(Step.REQUESTED, generation.began_at)
    failed_at = _failed_step(generation, setback)
    for step in applicable(generation):
        if step in done and step != failed_at:
            at = max(done[step], last)
            steps.append(ProgressStep(step=step, state="done", at=at, took=at - last, typical=typical.get(step)))
            last = at
        elif failed_at is not None and _ORDER[step] < _ORDER[failed_at]:
            steps.append(ProgressStep(step=step, state="done"))  # shorter than the interval of observation
        else:
            since = last if state == "now" else None
            step_setback = setback if step == failed_at else None
            steps.append(_undone(step, state, since, now, typical.get(step), message, step_setback))
            state = "upcoming"
    end = now if any(step.state == "now" for step in steps) or (setback and setback.number) else last
    total = sum(typical.values(), timedelta()) if typical else None
    return Progress(steps=steps, took=end - begin, typical=total, slow_at=_slow_at(steps))


def typical_durations(executable_id: str) -> Mapping[Step, timedelta]:
    """Return the median duration of each step of a template's generations, empty when there are too few."""
    completed = Generation.objects.filter(
        configuration__executable=executable_id, steps__has_key=Step.ROUTED.value
    ).order_by("-pk")[:HISTORY]
    lengths: dict[Step, list[float]] = {}
    for generation in completed:
        times = _times(generation)
        marks = [(step, times[step]) for step in Step if step in times]
        for before, (step, at) in pairwise(marks):
            lengths.setdefault(step, []).append(max((at - before[1]).total_seconds(), 0.0))
    return {
        step: timedelta(seconds=median(seconds)) for step, seconds in lengths.items() if len(seconds) >= SAMPLES_NEEDED
    }


def applicable(generation: Generation) -> Iterable[Step]:
    """Return the steps that apply to a generation, e.g. none for fetching without input artifacts."""
    skipped = set()
    if not generation.server_spec.get("requirements"):
        skipped.add(Step.PREPARED)
    if not generation.configuration.inputs:
        skipped.add(Step.FETCHED)
    return [step for step in Step if step not in skipped]


def _failed_step(generation: Generation, setback: Setback | None) -> Step | None:
    """Return the applicable step that an attempt failed at; None when no attempt did."""
    if setback is None:
        return None
    return next(step for step in applicable(generation) if _ORDER[step] >= _ORDER[setback.step])


def _undone(
    step: Step,
    state: str,
    since: datetime | None,
    now: datetime,
    typical: timedelta | None,
    message: Message | None,
    setback: Setback | None,
) -> ProgressStep:
    took = now - since if since is not None else None
    return ProgressStep(
        step=step,
        state=state,
        at=since,
        took=took,
        typical=typical,
        slow=step is not Step.PLACED and took is not None and typical is not None and took > _slow_threshold(typical),
        message=message if state != "upcoming" else None,
        setback=setback,
    )


def _slow_at(steps: Sequence[ProgressStep]) -> datetime | None:
    current = next((step for step in steps if step.state == "now"), None)
    if current is None or current.slow or current.typical is None or current.at is None or current.step is Step.PLACED:
        return None
    return current.at + _slow_threshold(current.typical)


def _slow_threshold(typical: timedelta) -> timedelta:
    """Return the duration after which a step is slow."""
    return max(typical * SLOW_FACTOR, typical + MIN_SLOW_EXCESS)


def _times(generation: Generation) -> dict[Step, datetime]:
    return {Step(name): datetime.fromisoformat(at) for name, at in generation.steps.items()}
