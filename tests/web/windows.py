"""Windows of a browser without scripts, in which forms are filled in as a person would: with their hidden fields."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from tests.forms import hidden_fields

_KEY = re.compile(r"draft=[\w-]+&?")


@dataclass
class Window:
    """One window that shows a wizard: it goes where links and answers lead, and sends the forms that it shows.

    Args:
        home: address at which the wizard begins.
        address: the one that is shown.
        fields: the hidden fields of the form that is shown.
    """

    client: Client
    home: str
    address: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    def open(self, address: str = "", **query: str) -> str:
        """Open an address and return the page, after it has led anywhere else."""
        answer = self.client.get(address or self.home, query, follow=True)
        assert answer.status_code == 200, answer.content.decode()
        chain = answer.redirect_chain
        self.address = chain[-1][0] if chain else address or self.home
        html = str(answer.content.decode())
        self.fields = hidden_fields(html)
        return html

    def step(self, name: str) -> str:
        """Go to a step by its link."""
        key = {"draft": self.fields["draft"]} if "draft" in self.fields else {}
        return self.open(self.home, **key, step=name)

    def send(self, address: str = "", **values: Any) -> Any:
        """Send the form that is shown, with values, and return the answer without following it."""
        return self.client.post(address or self.home, self.fields | values)


def without_key(address: str) -> str:
    """Return an address without the key of a draft, which is another one each time."""
    return _KEY.sub("", address).rstrip("?&")


def where(answer: Any) -> str:
    """Return the address that an answer leads to, without the key of a draft."""
    return without_key(answer["Location"])
