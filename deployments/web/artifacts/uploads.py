"""Keeps uploads within bounds while they arrive: nothing is written for strangers, nothing beyond the limit.

Django reads a form before the view is asked (for its CSRF token), so the view's own checks come too late to keep a
huge file off the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest

from deployments.storage.disk_space import NO_ROOM


class LimitedUpload(TemporaryFileUploadHandler):
    """Streams files of somebody who has signed in to disk, together up to LAUNCHPAD_UPLOAD_LIMIT_MB."""

    received = 0  # bytes, of all files of the request
    is_over = False
    finds_no_room = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        request = self.request
        if request is None or not request.user.is_authenticated or self.is_over or self.finds_no_room:
            raise SkipFile
        with self._room():
            super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > upload_limit():
            self.is_over = True
            raise SkipFile  # closes and so removes what was written; the rest of the file is read past
        with self._room():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        if self.is_over or self.finds_no_room:
            return None
        with self._room():
            return super().file_complete(file_size)
        return None

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Note that the disk is full and drop the file; the view tells it."""
        try:
            yield
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.finds_no_room = True
            raise SkipFile from error


def upload_limit() -> int:
    """Return how large an uploaded file may be, in bytes."""
    return int(settings.LAUNCHPAD_UPLOAD_LIMIT_MB * 1_000_000)


def found_no_room(request: HttpRequest) -> bool:
    """Return whether a file of the request was dropped because the disk is full."""
    _ = request.FILES  # reads the request, if nothing has yet
    return any(isinstance(handler, LimitedUpload) and handler.finds_no_room for handler in request.upload_handlers)


def was_too_large(request: HttpRequest) -> bool:
    """Return whether a file of the request was dropped because of its size."""
    _ = request.FILES  # reads the request, if nothing has yet
    return any(isinstance(handler, LimitedUpload) and handler.is_over for handler in request.upload_handlers)
