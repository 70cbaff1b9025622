"""Finds the line of a server's log that says why it ended; reconciler, pages and API use its result.

In this order: the last exception or crash (of a chain of exceptions, the last), the last line of a fatal or error
level (of JSON and logfmt, its message), the last line. Warnings, notices of libraries, counts of errors and what a
server wrote long before its end are no causes. Standard library only: the shim evaluates the
lines as they arrive.
"""

from __future__ import annotations

import json
import re

from deployments.runtimes.terminal import plain

TYPE_CHECKING = False  # as in typing, which would cost every shim a megabyte
if TYPE_CHECKING:
    from typing import Any

MAX_CAUSE = 500  # characters; the log has the rest
MAX_RATED = 1000  # characters of a line that are examined
FRESH_LINES = 200  # an error that is followed by more lines did not end the server
SURVIVED_LINES = 10  # an exception that a fatal line follows after more lines than this was survived
JOINED_LINES = 3  # between the notice that an exception was handled and its traceback

NOTICE, NONE, ERROR, FATAL, CRASH = range(-1, 4)

_TRACEBACK = "Traceback (most recent call last)"
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
# Tracebacks of exceptions that the server has survived.
_HANDLED = (
    "Exception ignored ",
    "Exception occurred during processing of request",
    "--- Logging error ---",
    "Exception in ASGI application",
    "Exception in WSGI application",
)
# Exceptions that only report that a child ended by another one, which is in the log before.
_PASSED_ON = re.compile(
    r"ChildFailedError|BrokenProcessPool|HaltServer|CancelledError|^KeyboardInterrupt|^SystemExit"
    r"|root cause above"
)
_EXCEPTION = re.compile(
    r"^(?:Uncaught |Unhandled exception\.? |Caused by: )?(?:[A-Za-z_$][\w$]*(?:\.|::))*"
    r"(?:[A-Z][\w$]*)?(?:Error|Exception)(?: \[\w+\])?(?::\s|$)"
    r"|^Caused by: \S|^Exception in thread \"|^Unhandled exception\b"
)
_CRASH = re.compile(
    r"^(?:panic: |fatal error: |F\d{4} \d\d:)|^thread '.*' (?:\(\d+\) )?panicked at "
    r"|^(?:libc\+\+abi: )?terminat(?:e called|ing due to|ing with)"
)
_ASSERTIONS = ("GGML_ASSERT(", "Assertion `", "Assertion '", "Assertion failed", "Check failed: ")
_DETAIL_FOLLOWS = re.compile(r"^terminate called|^thread '.*' (?:\(\d+\) )?panicked at .*:$")
_LIBRARY_LINE = re.compile(r"[EWI]0000 |\d{4}-\d\d-\d\d \S+: [EWI] \S+:\d+\] ")
_LIBRARY_NOTICES = ("Unable to register cu", "failed call to cuInit", "Warning: ")
_GLOG_ERROR = re.compile(r"^E\d{4} \d\d:")
_WORDS = "TRACE|DEBUG|DBG|INFO|INF|NOTICE|WARN|WARNING|WRN|ERROR|ERR|SEVERE|FATAL|FTL|CRITICAL|CRIT|ALERT|EMERG|PANIC"
_LEVEL = re.compile(rf"(?<![\w/.\-\"'=])(?:({_WORDS})(?![\w/.\-\"'=])|\[\s*(?i:({_WORDS}))\s*\])")
_LEVEL_WITHIN = 150  # characters from the begin of a line
_LOGFMT = re.compile(r"(?:^|\s)(?:level|lvl|severity)=\"?(\w+)")
_LOGFMT_MESSAGE = re.compile(r"(?:^|\s)(?:msg|message)=(?:\"((?:[^\"\\]|\\.)*)\"|(\S+))")
_PREFIXED = re.compile(
    r"^(?:[\w./+-]+(?:\[\d+\])?: )*(?i:fatal |internal )?(?i:error)"
    r"(?: (?:loading|opening|reading|writing|creating|starting|parsing|while|in|from|at|on)\b[^:]{0,80})?: \S"
    r"|^(?:[\w./+-]+: )*fatal: \S|^(?:PHP )?Fatal error: \S"
    r"|^\S*sh: .*(?:not found|No such file or directory|Permission denied)$|^Segmentation fault"
)
_LEVELS = {
    **dict.fromkeys(("error", "err", "severe"), ERROR),
    **dict.fromkeys(("fatal", "ftl", "critical", "crit", "alert", "emerg", "emergency", "panic", "dpanic"), FATAL),
    **dict.fromkeys(("warn", "warning", "wrn"), NOTICE),
}
_LEVEL_KEYS = ("level", "levelname", "severity", "log.level", "lvl", "@level", "level_name")
_MESSAGE_KEYS = ("msg", "message", "@message", "event", "text")


def severity(text: str) -> tuple[int, str]:
    """Return the severity of a line (NOTICE to CRASH), and the line as it is shown: shortened, without colours."""
    line = plain(text).strip()
    rank, text = _structured(line) or (_rank(line[:MAX_RATED]), line)
    return rank, text if len(text) <= MAX_CAUSE else f"{text[:MAX_CAUSE]} …"


def is_error(text: str) -> bool:
    """Return whether a line reports an error; of a traceback, its first line and the one with the exception do."""
    return severity(text)[0] >= ERROR or _TRACEBACK in text


def _rank(line: str) -> int:
    if _CRASH.match(line) or _holds(line, _ASSERTIONS):
        return CRASH
    if _LIBRARY_LINE.match(line) or _holds(line, _LIBRARY_NOTICES):
        return NOTICE
    if _EXCEPTION.match(line):
        return ERROR if _PASSED_ON.search(line) else CRASH
    if level := _LEVEL.search(line, 0, _LEVEL_WITHIN):
        return _LEVELS.get((level[1] or level[2]).lower(), NONE)
    return ERROR if _PREFIXED.match(line) or _GLOG_ERROR.match(line) else NONE


def _holds(line: str, texts: tuple[str, ...]) -> bool:
    """Return whether a line holds one of the texts; a regular expression would take ten times as long."""
    return any(text in line for text in texts)


def _structured(line: str) -> tuple[int, str] | None:
    """Return rank and message of a line in JSON or logfmt, None for other lines."""
    if line.endswith("}") and (begin := line.find("{")) >= 0 and '"' in line:
        try:
            fields = json.loads(line[begin:])
        except ValueError:
            return None
        return _of_fields(fields, line) if isinstance(fields, dict) and fields else None
    if not _holds(line, ("level=", "lvl=", "severity=")) or (level := _LOGFMT.search(line)) is None:
        return None
    message = _LOGFMT_MESSAGE.search(line)
    text = (message[1] or message[2] or "").replace('\\"', '"') if message else ""
    return _LEVELS.get(level[1].lower(), NONE), text or line


def _of_fields(fields: dict[str, Any], line: str) -> tuple[int, str] | None:
    levels = [fields[key] for key in _LEVEL_KEYS if isinstance(fields.get(key), str | int)]
    level = next((candidate for candidate in levels if isinstance(candidate, str)), levels[0] if levels else None)
    message = next((fields[key] for key in _MESSAGE_KEYS if isinstance(fields.get(key), str) and fields[key]), "")
    error = fields.get("error") or fields.get("err") or fields.get("exception")
    if isinstance(error, dict):
        error = error.get("message") or error.get("msg")
    if isinstance(error, str) and error.strip():
        last = error.strip().splitlines()[-1].strip()  # of a traceback in a field, the line that names it
        message = message if last in message else f"{message}: {last}" if message else last
    if level is None:
        return (ERROR, message) if isinstance(error, str) and message else None
    if isinstance(level, int):  # as pino and bunyan count
        return FATAL if level >= 60 else ERROR if level >= 50 else NONE, message or line
    return _LEVELS.get(level.strip().lower(), NONE), message or line


class _Traceback:
    """A traceback up to its exception, which is still to come."""

    def __init__(self, prefix: str, *, handled: bool) -> None:
        self.prefix = prefix
        self.handled = handled

    def body(self, line: str) -> str:
        """Return a line without the prefix of each line of the traceback, in which digits may differ."""
        begin = line[: len(self.prefix)]
        return line[len(self.prefix) :] if self.prefix and _shape(begin) == _shape(self.prefix) else line


def _shape(text: str) -> str:
    return re.sub(r"\d", "0", text)


class CauseFinder:
    """Examines the lines of a server as they arrive, and returns at its end the one that says why it ended."""

    def __init__(self) -> None:
        self._count = 0
        self._found: dict[int, tuple[int, str, float]] = {}  # rank -> number of the line, text, time
        self._last: tuple[str, float] = ("", 0.0)
        self._tracebacks: dict[str, _Traceback] = {}
        self._handled: dict[str, int] = {}  # stream -> number of the line that said so
        self._handled_end: dict[str, int] = {}  # stream -> number of the line that named a handled exception
        self._detailed: dict[str, int] = {}  # stream -> rank whose line is completed by the next one

    def note(self, stream: str, text: str, at: float) -> None:
        """Examine a line.

        Args:
            at: when it was written, seconds since the epoch.
        """
        self._count += 1
        line = plain(text).rstrip()
        if (rank := self._detailed.pop(stream, None)) is not None and line.strip() and rank in self._found:
            number, before, began = self._found[rank]
            self._found[rank] = (number, f"{before} {line.strip()}"[:MAX_CAUSE], began)
            return
        if self._is_of_traceback(stream, line, at):
            return
        if _holds(line, _HANDLED):
            self._handled[stream] = self._count
            return
        self._rate(stream, line, at)

    def cause(self, *, last_line: bool) -> tuple[str, float]:
        """Return text and time of the line that says why the server ended, `("", 0.0)` when none does.

        Args:
            last_line: whether the last line counts where none looks like an error.
        """
        fresh = {rank: entry for rank, entry in self._found.items() if self._count - entry[0] <= FRESH_LINES}
        if CRASH in fresh and FATAL in fresh and fresh[FATAL][0] - fresh[CRASH][0] > SURVIVED_LINES:
            del fresh[CRASH]
        if fresh:
            _, text, at = fresh[max(fresh)]
            return text, at
        return self._last if last_line else ("", 0.0)

    def _rate(self, stream: str, line: str, at: float) -> None:
        rank, text = severity(line)
        if rank >= ERROR:
            self._found[rank] = (self._count, text, at)
            if _DETAIL_FOLLOWS.search(line, 0, MAX_RATED):
                self._detailed[stream] = rank
        if rank >= NONE and re.search(r"[^\W\d_]{2}", text):  # a line of punctuation and numbers only is no cause
            self._last = text, at

    def _is_of_traceback(self, stream: str, line: str, at: float) -> bool:
        if _TRACEBACK in line:
            handled = self._is_near(self._handled.get(stream))
            prefix = line[: line.index(_TRACEBACK)]
            prefix = re.sub(r"\+ Exception Group $|\+ ", "| ", prefix) if "+ " in prefix else prefix
            self._tracebacks[stream] = _Traceback("" if "─" in prefix else prefix, handled=handled)
            return True
        if line.startswith(_CHAINED) and self._is_near(self._handled_end.get(stream)):
            self._handled[stream] = self._count
        if (traceback := self._tracebacks.get(stream)) is None:
            return False
        body = traceback.body(line)
        if not body.strip() or body[0].isspace() or body[0] in "│╭╰┃+|":
            return True
        del self._tracebacks[stream]
        if traceback.handled:
            self._handled_end[stream] = self._count
            return True
        rank = ERROR if _PASSED_ON.search(body) else CRASH
        self._found[rank] = (self._count, severity(body)[1], at)
        return True

    def _is_near(self, number: int | None) -> bool:
        return number is not None and self._count - number <= JOINED_LINES
