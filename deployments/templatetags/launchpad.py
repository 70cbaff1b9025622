"""Template tags and filters: icons, statuses, times in the user's time zone, amounts with units."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format, number_format, time_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext

from deployments.lifecycle import Status
from deployments.messages import Message, render
from deployments.models import Severity

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.core.paginator import Paginator

register = template.Library()

NOTHING = "–"
LONG_VALUE = 160  # characters; longer values are truncated
LONG_VALUE_LINES = 4

# Each status has a shape beside its colour and its word, so that it never depends on colour alone.
_SHAPES = {
    Status.UNKNOWN: ("s-circle", "neutral"),
    Status.PENDING: ("s-diamond", "critical busy"),
    Status.RUNNING: ("s-triangle", "information"),
    Status.STOPPING: ("s-diamond", "critical busy"),
    Status.STOPPED: ("s-square", "neutral"),
    Status.DEAD: ("s-burst", "negative"),
}
_TROUBLES = {Severity.ERROR.value: "negative", Severity.WARNING.value: "critical"}
_WISHES = {"DELETED": ("trash-2", "neutral")}


@register.simple_tag(name="icon")
def icon(name: str, **attributes: str) -> SafeString:
    """Render a symbol of the sprite in the size of its text; screen readers skip it.

    Args:
        name: an id in static/vendor/icons.svg.
        attributes: `class`: further classes.
    """
    classes = f"i {attributes.get('class', '')}".rstrip()
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#{}"/></svg>', classes, static("vendor/icons.svg"), name
    )


@register.simple_tag(name="status")
def status(word: str) -> SafeString:
    """Render a status or target status: shape, colour and the UPPERCASE word."""
    shape, look = _WISHES.get(word) or _SHAPES[Status(word)]
    return format_html('<span class="status {}">{}{}</span>', look, icon(shape), str(word))


@register.filter(name="status_tone")
def status_tone(word: str) -> str:
    """Return the CSS class for the colour of a status."""
    return _SHAPES[Status(word)][1].split()[0]


@register.filter(name="severity_tone")
def severity_tone(severity: str, otherwise: str) -> str:
    """Return the CSS class for a severity; `otherwise` is that for information."""
    return _TROUBLES.get(severity, otherwise)


@register.filter(name="sentence")
def sentence(message: Message | None) -> str:
    """Render a message in the user's language; `""` for None."""
    return render(message)


@register.filter(name="isolated")
def isolated(name: object) -> SafeString:
    """Isolate the writing direction of a name from the sentence around it."""
    return format_html("<bdi>{}</bdi>", name)


@register.filter(name="value")
def value(text: object) -> SafeString:
    """Render a value; a long one is truncated and expands on a click, without a script."""
    whole = str(text)
    if len(whole) <= LONG_VALUE and whole.count("\n") < LONG_VALUE_LINES:
        return format_html('<code dir="auto">{}</code>', whole)
    beginning = "\n".join(whole[:LONG_VALUE].split("\n")[:LONG_VALUE_LINES])
    return format_html(
        '<details class="long"><summary><code dir="auto">{}…</code> <span class="more">{}</span></summary>'
        '<code dir="auto">{}</code></details>',
        beginning,
        gettext("Show all"),
        whole,
    )


@register.filter(name="moment")
def moment(when: datetime | None, precision: str = "minutes") -> SafeString | str:
    """Render a time in the user's time zone in relative words, with the exact time on hover.

    Args:
        when: an aware time; None is shown as a dash.
        precision: "minutes" or "seconds".
    """
    if when is None:
        return NOTHING
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(),
        date_format(local, pgettext("exact time", "l, M j, Y, g:i:s A e")),
        _relative(local, seconds=precision == "seconds"),
    )


@register.filter(name="elapsed")
def elapsed(since: datetime | None) -> SafeString | str:
    """Render the time since `since` in whole seconds; the page's script keeps counting.

    Args:
        since: an aware time; None is shown as a dash.
    """
    if since is None:
        return NOTHING
    length = duration(int((timezone.now() - since).total_seconds()))
    return format_html('<span class="numeric" data-since="{}">{}</span>', since.isoformat(), length)


@register.simple_tag(name="duration_units")
def duration_units() -> str:
    """Return the units of durations for the page's script, with "#" for the number."""
    return "|".join(unit % "#" for unit in (gettext("%s s"), gettext("%s min"), gettext("%s h"), gettext("%s d")))


@register.filter(name="clock")
def clock(when: datetime) -> str:
    """Render the time of day to the second, in the user's language."""
    return time_format(timezone.localtime(when), pgettext("time of day", "g:i:s A"))


@register.filter(name="duration")
def duration(length: float | timedelta | None) -> str:
    """Render a duration in its two largest units: "0.4 s", "12 s", "2 min 15 s", "1 h 12 min", "3 d 4 h".

    Args:
        length: seconds, or a timedelta; None is shown as a dash.
    """
    if length is None:
        return NOTHING
    seconds = length.total_seconds() if isinstance(length, timedelta) else float(length)
    seconds = max(seconds, 0.0)
    if 0 < seconds < 0.05:
        return gettext("under 0.1 s")
    if not round(seconds, 1).is_integer() and seconds < 10:
        return gettext("%(seconds)s s") % {"seconds": number_format(round(seconds, 1), 1)}
    whole = round(seconds)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 1:
        return gettext("%(seconds)s s") % {"seconds": whole}
    if hours < 1:
        return _two(gettext("%s min") % minutes, gettext("%s s") % (whole % 60), whole % 60)
    if days < 1:
        return _two(gettext("%s h") % hours, gettext("%s min") % (minutes % 60), minutes % 60)
    return _two(gettext("%s d") % days, gettext("%s h") % (hours % 24), hours % 24)


@register.filter(name="filesize_short")
def filesize_short(size: float | None) -> str:
    """Render an amount of memory or disk: "512 MB", "3 GB", "1.5 GB" (1 KB = 1000 bytes, as resource plans count).

    Args:
        size: bytes; None is shown as a dash.
    """
    if size is None:
        return NOTHING
    amount, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if round(amount) < 1000 or unit == "TB":
            break
        amount /= 1000
    decimals = 0 if amount >= 10 or round(amount, 1).is_integer() else 1
    return f"{number_format(round(amount, 1), decimals)} {unit}"


@register.filter(name="initials")
def initials(user: AbstractBaseUser) -> str:
    """Return the one or two letters of a user's avatar: from the full name, else from the user name."""
    full_name: str = getattr(user, "get_full_name", str)()
    words = full_name.split() or [user.get_username()[:2]]
    letters = words[0][:2] if len(words) == 1 else words[0][0] + words[-1][0]
    return letters.upper()


@register.filter(name="page_numbers")
def page_numbers(paginator: Paginator[Any], current: int) -> Iterable[int | None]:
    """Return the page numbers to link: the ends and the neighbours of the current one, None for a gap."""
    for number in paginator.get_elided_page_range(current, on_each_side=1, on_ends=1):
        yield number if isinstance(number, int) else None


def _relative(local: datetime, *, seconds: bool) -> str:
    time_format = pgettext("time of day", "g:i:s A") if seconds else pgettext("time of day", "g:i A")
    time = date_format(local, time_format)
    days = (timezone.localdate() - local.date()).days
    if abs(days) > 6:
        return gettext("%(date)s %(time)s") % {"date": date_format(local, pgettext("date", "M j, Y")), "time": time}
    if days == 0:
        return gettext("today %(time)s") % {"time": time}
    if days == 1:
        return gettext("yesterday %(time)s") % {"time": time}
    if days == -1:
        return gettext("tomorrow %(time)s") % {"time": time}
    if days > 1:
        return ngettext("%(days)s day ago %(time)s", "%(days)s days ago %(time)s", days) % {"days": days, "time": time}
    return ngettext("in %(days)s day %(time)s", "in %(days)s days %(time)s", -days) % {"days": -days, "time": time}


def _two(large: str, small: str, amount: int) -> str:
    return f"{large} {small}" if amount else large
