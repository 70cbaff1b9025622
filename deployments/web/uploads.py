"""Keeps uploads within bounds while they arrive: nothing is written for strangers, nothing beyond the limit.

Django reads a form before the view is asked (for its CSRF token), so the view's own checks come too late to keep a
huge file off the disk.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest


class LimitedUpload(TemporaryFileUploadHandler):
    """Streams files of somebody who has signed in to disk, together up to LAUNCHPAD_UPLOAD_LIMIT_MB."""

    received = 0  # bytes, of all files of the request
    is_over = False

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        request = self.request
        if request is None or not request.user.is_authenticated or self.is_over:
            raise SkipFile
        super().new_file(*args, **kwargs)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.received += len(raw_data)
        if self.received > upload_limit():
            self.is_over = True
            raise SkipFile  # closes and so removes what was written; the rest of the file is read past
        super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        return None if self.is_over else super().file_complete(file_size)


def upload_limit() -> int:
    """Return how large an uploaded file may be, in bytes."""
    return int(settings.LAUNCHPAD_UPLOAD_LIMIT_MB * 1_000_000)


def was_too_large(request: HttpRequest) -> bool:
    """Return whether a file of the request was dropped because of its size."""
    _ = request.FILES  # reads the request, if nothing has yet
    return any(isinstance(handler, LimitedUpload) and handler.is_over for handler in request.upload_handlers)
