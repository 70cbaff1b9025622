"""HTML as tests compare it."""

from __future__ import annotations

import re


def squeezed(html: str) -> str:
    """Return the HTML without white space beside tags, and with one space where there is any else.

    How templates are broken into lines is none of a test's business.
    """
    return re.sub(r" ?(<[^>]+?) ?> ?", r"\1>", " ".join(html.split()))
