"""The storage of the static files: hashed, compressed, and the stylesheet in one file."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, Storage
from whitenoise.storage import CompressedManifestStaticFilesStorage

Paths = dict[str, tuple[Storage, str]]  # name -> the storage and path of its source

STYLESHEET = "css/site.css"
_IMPORT = re.compile(r'^@import "(?P<part>[^"]+)";\n', re.MULTILINE)


class OneStylesheetStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # it has no types
    """Inlines the stylesheet's imports: a browser would request each of them.

    During development a browser follows the imports itself: both ways give the same rules in the same order.
    """

    def post_process(self, paths: Paths, dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """Inline the imports, then do what the base class does.

        Raises:
            ImproperlyConfigured: a part is missing, or names files by relative addresses that would not hold.
        """
        inlined = InMemoryStorage()  # read by the base class instead of the source
        inlined.save(STYLESHEET, ContentFile(_inline(paths, STYLESHEET)))
        paths[STYLESHEET] = (inlined, STYLESHEET)
        yield from super().post_process(paths, dry_run, **options)


def _inline(paths: Paths, name: str) -> str:
    folder = posixpath.dirname(name)

    def part(statement: re.Match[str]) -> str:
        part_name = posixpath.normpath(posixpath.join(folder, statement["part"]))
        if part_name not in paths:
            raise ImproperlyConfigured(f"{name} imports {statement['part']}, which is not among the static files.")
        text = _read(paths, part_name)
        if posixpath.dirname(part_name) != folder and "url(" in text:
            raise ImproperlyConfigured(f"{part_name} is written into {name}: it may not name a file with url().")
        return f"{text}\n"

    return _IMPORT.sub(part, _read(paths, name))


def _read(paths: Paths, name: str) -> str:
    storage, path = paths[name]
    with storage.open(path) as file:
        text: str = file.read().decode()
    return text
