"""The log of a deployment: filters, pages, new lines as they are written, and the download."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django.http import HttpResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from deployments.errors import CursorInvalid, RuntimeUnavailable
from deployments.lifecycle import Status
from deployments.models import Attempt, Deployment
from deployments.queries.deployment_details import replicas_of
from deployments.queries.deployment_logs import (
    HOLD_BACK,
    INSTANT,
    LogFilter,
    LogPage,
    ShownLine,
    lines_since,
    log_page,
    page_at_error,
    text_of,
    unfinished_lines,
)
from deployments.queries.log_source import LogSource
from deployments.web.deployments.common import deployment_or_404
from deployments.web.deployments.details import page_context
from deployments.web.deployments.forms import LogForm, moment_from
from deployments.web.shell.guards import PageRequest, sign_in_required

FILTERS = ("q", "order", "replica", "attempt", "stream", "start", "end")


@require_GET
@sign_in_required
def deployment_logs(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Show a page of the log (`from`: the cursor before it; `after`: only lines written since a time)."""
    deployment = deployment_or_404(request, deployment_id)
    source = LogSource(deployment.resource_group.connection)
    form = LogForm(request.GET, replicas_of(deployment))
    log_filter = form.log_filter()
    after, cursor = moment_from(request.GET.get("after", "")), request.GET.get("from", "")
    failed = _failed_attempt(request, deployment)
    unfinished: Sequence[ShownLine] = []
    now = timezone.now()
    try:
        if after is not None:
            live = _is_live(deployment)
            until = now if live else now + HOLD_BACK
            page = lines_since(source, deployment.pk, log_filter, after=after, cursor=cursor, now=until)
            unfinished = unfinished_lines(source, deployment.pk, log_filter) if live else []
            if live and not page.lines and not page.is_cut and _state_of(unfinished) == request.GET.get("state", ""):
                return HttpResponse(status=204)
        elif failed is not None:
            page = page_at_error(source, deployment.pk, failed)
            log_filter = replace(log_filter, newest_first=False)
        else:
            page = log_page(source, deployment.pk, _until(log_filter, deployment, now), cursor=cursor)
            unfinished = unfinished_lines(source, deployment.pk, log_filter) if _is_live(deployment) else []
    except CursorInvalid:  # the URL was edited, or is from another version
        return redirect("deployment-logs", deployment.pk)
    except RuntimeUnavailable as error:
        return _without_log(request, deployment, form, str(error))
    context = _log_context(request, deployment, page, log_filter, now, unfinished) | {"form": form, "failed": failed}
    if request.htmx and (after or cursor):
        return render(request, "deployments/_log_more.html", context | {"is_tail": after is not None})
    return render(request, "deployments/logs.html", page_context(request, deployment, "logs") | context)


@require_GET
@sign_in_required
def deployment_log_download(request: PageRequest, deployment_id: str) -> HttpResponse:
    """Send the matching lines of the log as plain text, oldest first."""
    deployment = deployment_or_404(request, deployment_id)
    source = LogSource(deployment.resource_group.connection)
    log_filter = replace(LogForm(request.GET, replicas_of(deployment)).log_filter(), newest_first=False)
    try:
        lines = _with_first_line_read(text_of(source, deployment.pk, log_filter))
    except RuntimeUnavailable as error:
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=503)
    answer = StreamingHttpResponse(
        lines,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{deployment.pk}.log"'},
    )
    return cast(HttpResponse, answer)  # the decorators' types know only HttpResponse


def _with_first_line_read(lines: Iterator[str]) -> Iterator[str]:
    """Read the first line at once, so that an unavailable runtime raises before the answer begins."""
    first = next(lines, "")

    def whole() -> Iterator[str]:
        yield first
        yield from lines

    return whole()


def _failed_attempt(request: PageRequest, deployment: Deployment) -> Attempt | None:
    """Return the attempt at whose error the log opens: the requested one, or the last of a DEAD deployment."""
    attempts = Attempt.objects.filter(replica__generation__deployment=deployment).exclude(first_error="")
    attempts = attempts.select_related("replica")
    pk = request.GET.get("error", "")
    if pk.isdecimal():
        return attempts.filter(pk=int(pk)).first()
    filtered = any(request.GET.get(name) for name in (*FILTERS, "from", "after")) or "all" in request.GET
    if deployment.status != Status.DEAD or filtered:
        return None
    return attempts.order_by("-started_at", "-pk").first()


def _until(log_filter: LogFilter, deployment: Deployment, now: datetime) -> LogFilter:
    """Exclude the last moment of a live log, which is left to the appended lines; see HOLD_BACK."""
    if not _is_live(deployment):
        return log_filter
    last = now - HOLD_BACK
    return replace(log_filter, end=min(log_filter.end, last) if log_filter.end else last)


def _is_live(deployment: Deployment) -> bool:
    return deployment.status in {Status.UNKNOWN, Status.PENDING, Status.RUNNING, Status.STOPPING}


def _log_context(
    request: PageRequest,
    deployment: Deployment,
    page: LogPage,
    log_filter: LogFilter,
    now: datetime,
    unfinished: Sequence[ShownLine],
) -> dict[str, Any]:
    filters = _active_filters(request.GET)
    address = reverse("deployment-logs", args=[deployment.pk])
    order = {} if log_filter.newest_first else {"order": "oldest"}
    more = tail = ""
    if page.next:
        more = f"{address}?{urlencode(filters | order | {'from': page.next})}"
    at_the_end = log_filter.newest_first or not page.next
    is_tail = "after" in request.GET
    if _is_live(deployment) and at_the_end and log_filter.end is None and (is_tail or "from" not in request.GET):
        state = _tail_of(request.GET, page, now) | ({"state": _state_of(unfinished)} if unfinished else {})
        tail = f"{address}?{urlencode(filters | order | state)}"
    return {
        "deployment": deployment,
        "page": page,
        "log_filter": log_filter,
        "more": more,
        "tail": tail,
        "unfinished": unfinished if tail else [],
        "is_filtered": bool(filters),
        "is_live": _is_live(deployment),
        "is_at_error": any(shown.is_first_error for shown in page.lines),
        "download": f"{reverse('deployment-log-download', args=[deployment.pk])}?{urlencode(filters)}",
        "download_all": reverse("deployment-log-download", args=[deployment.pk]),
    }


def _tail_of(query: QueryDict, page: LogPage, now: datetime) -> dict[str, str]:
    """Return the start of the next poll: after the last line that this one has read, else where this one started."""
    if "after" not in query:  # the page has all lines before this moment
        return {"after": (now - HOLD_BACK - INSTANT).isoformat()}
    if page.last is not None:
        return {"after": page.last.at.isoformat(), "from": page.last.cursor}
    return {name: query.get(name, "") for name in ("after", "from") if name in query}


def _state_of(unfinished: Sequence[ShownLine]) -> str:
    """Return a checksum of the unfinished lines, for the poll."""
    texts = "\n".join(f"{shown.line.replica} {shown.line.stream} {shown.line.text}" for shown in unfinished)
    return f"{zlib.crc32(texts.encode(errors='replace')):x}" if texts else ""


def _active_filters(query: QueryDict) -> dict[str, str]:
    """Return the filters in the query string, without the parameters of a single page."""
    return {name: value for name in FILTERS if (value := query.get(name, ""))}


def _without_log(request: PageRequest, deployment: Deployment, form: LogForm, problem: str) -> HttpResponse:
    if request.htmx:
        return HttpResponse(status=204)
    context = page_context(request, deployment, "logs") | {"form": form, "problem": problem}
    return render(request, "deployments/logs.html", context)
