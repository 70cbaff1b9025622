"""Records sign-ins, sign-outs and refused sign-ins in the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from deployments.models import User
from deployments.operations.audit import record


@receiver(user_logged_in)
def signed_in(sender: object, user: User, **_: Any) -> None:
    record(user.get_username(), "sign-in", user)


@receiver(user_logged_out)
def signed_out(sender: object, user: User | None, **_: Any) -> None:
    if user is not None:
        record(user.get_username(), "sign-out", user)


@receiver(user_login_failed)
def refused(sender: object, credentials: dict[str, Any], **_: Any) -> None:
    record(str(credentials.get("username", "")).replace("\0", ""), "sign-in refused", "user")
