"""Request and response bodies of logs, as the AI API specifies them."""

from __future__ import annotations

from datetime import datetime

from deployments.api.schemas import Body


class LogItem(Body):
    timestamp: datetime
    msg: str


class LogResult(Body):
    result: list[LogItem]


class LogBody(Body):
    data: LogResult
