"""What the forms of a page send beside what a person enters."""

from __future__ import annotations

import re
from html import unescape

_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


def hidden_fields(html: str) -> dict[str, str]:
    """Return the hidden fields of the forms in a page's main part, but the token against forged requests."""
    main = html[html.index("<main") :] if "<main" in html else html
    fields = {name: unescape(value) for name, value in _HIDDEN.findall(main)}
    fields.pop("csrfmiddlewaretoken", None)
    return fields
