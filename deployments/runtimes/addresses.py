"""The URLs of artifacts: which are valid, how they are requested, how they are shown. Standard library only."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

SCHEMES = ("file", "http", "https")
_SUFFIXES = re.compile(r"(?:\.[A-Za-z0-9]{1,16}){1,2}\Z")
_LOOSE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_QUERY = re.compile(r"(\b(?:https?|file)://[^\s?#\"'<>]*)[?#][^\s\"'<>]*")
_PEOPLE = re.compile(r"(\b(?:https?|file)://)[^\s/@\"'<>]*@")
_SAFE = "/%:@!$&'()*+,;=~-._"  # RFC 3986, what a path may hold as it is


class AddressInvalid(ValueError):
    """A URL that cannot be used; `code` says why.

    Args:
        code: "text", "control", "syntax", "scheme", "host" or "people" (a user or a password).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse(url: str) -> SplitResult:
    """Return the parts of an address.

    Raises:
        AddressInvalid: it cannot be used.
    """
    try:
        url.encode()
    except UnicodeEncodeError:
        raise AddressInvalid("text") from None  # an unpaired surrogate
    if any(unicodedata.category(char) == "Cc" for text in (url, unquote(url)) for char in text):
        raise AddressInvalid("control")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        raise AddressInvalid("syntax") from None
    if parts.scheme not in SCHEMES:
        raise AddressInvalid("scheme")
    if "@" in parts.netloc:
        raise AddressInvalid("people")
    if parts.scheme != "file" and (not host or port == 0 or not _is_host(host)):
        raise AddressInvalid("host")
    return parts


def _is_host(host: str) -> bool:
    try:
        return not re.search(r"[\s\\%<>\"^`{|}]", host) and bool(host.encode("idna") if "." in host else host)
    except UnicodeError:
        return False


def encoded(url: str) -> str:
    """Return a URL as it is sent: ASCII, percent-encoded where necessary, and nothing encoded twice.

    Raises:
        AddressInvalid: it cannot be used.
    """
    parts = parse(url)
    host = parts.hostname or ""
    netloc = f"[{host}]" if ":" in host else host.encode("idna").decode() if not host.isascii() else host
    if parts.port is not None:
        netloc += f":{parts.port}"
    path = quote(_LOOSE_PERCENT.sub("%25", parts.path), safe=_SAFE)
    query = quote(_LOOSE_PERCENT.sub("%25", parts.query), safe=_SAFE + "?")
    return urlunsplit((parts.scheme, netloc, path or "/", query, ""))


def file_name(url: str) -> str:
    """Return the name of a downloaded file: `artifact` and the suffix of the URL, by which servers know formats."""
    suffix = _SUFFIXES.search(unquote(url.partition("?")[0].partition("#")[0]).rpartition("/")[2])
    return f"artifact{suffix[0] if suffix else ''}"


def redacted(text: str) -> str:
    """Return a text with queries, which may be signatures, and passwords removed from its URLs."""
    return _QUERY.sub(r"\1?…", _PEOPLE.sub(r"\1", text))
