"""Limits uploads while they arrive: nothing is written for anonymous users, nothing beyond the size limit.

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
    """Streams files of signed-in users to disk, up to LAUNCHPAD_UPLOAD_LIMIT_MB in total."""

    received = 0  # bytes of all files of the request
    is_over = False
    is_disk_full = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        request = self.request
        if request is None or not request.user.is_authenticated or self.is_over or self.is_disk_full:
            raise SkipFile
        with self._room():
            super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > upload_limit():
            self.is_over = True
            raise SkipFile  # closes and so removes the file; its rest is discarded
        with self._room():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        if self.is_over or self.is_disk_full:
            return None
        with self._room():
            return super().file_complete(file_size)
        return None

    @contextmanager
    def _room(self) -> Iterator[None]:
        """Record that the disk is full and drop the file; the view reports it."""
        try:
            yield
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            self.is_disk_full = True
            raise SkipFile from error


def upload_limit() -> int:
    """Return the size limit of an uploaded file in bytes."""
    return int(settings.LAUNCHPAD_UPLOAD_LIMIT_MB * 1_000_000)


def was_disk_full(request: HttpRequest) -> bool:
    """Return whether a file of the request was dropped because the disk is full."""
    _ = request.FILES  # parses the request, unless it was parsed before
    return any(isinstance(handler, LimitedUpload) and handler.is_disk_full for handler in request.upload_handlers)


def was_too_large(request: HttpRequest) -> bool:
    """Return whether a file of the request was dropped because of its size."""
    _ = request.FILES  # parses the request, unless it was parsed before
    return any(isinstance(handler, LimitedUpload) and handler.is_over for handler in request.upload_handlers)
