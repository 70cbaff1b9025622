"""The exceptions that cross the layers of Launchpad; each has a message that a person can read.

What a person or the reconciler can act on has a class here; any other exception propagates and is logged.
"""

from deployments.messages import TEXT, Message, render


class LaunchpadError(Exception):
    """Base of all errors with a message that may be shown to the person who sent the request."""


class Explained(LaunchpadError):
    """Errors that the reconciler stores: with a code and its values, or a text of another program."""

    def __init__(self, message: Message | str) -> None:
        super().__init__(message)
        self.message = message if isinstance(message, Message) else TEXT(text=message)

    def __str__(self) -> str:
        return render(self.message)


class RuntimeUnavailable(Explained):
    """The runtime could not be reached or did not respond in time: change nothing, try again later."""


class RuntimeRejected(Explained):
    """The runtime refused permanently: a retry of the same cannot succeed."""


class SecretMissing(Explained):
    """A template takes a value from a secret that does not exist or cannot be decrypted."""


class GatewayUnavailable(Explained):
    """The gateway could not be reached: change nothing, try again later."""


class GatewayRejected(Explained):
    """The gateway refused a configuration permanently; the previous one stays in effect."""


class TokenInvalid(LaunchpadError):
    """An access token was not issued here, is for another audience, or has expired (AI API: 401)."""


class NotAllowed(LaunchpadError):
    """The role of the user or client does not cover the action (AI API: 403)."""


class OperationRefused(LaunchpadError):
    """The rules of the lifecycle forbid the action in the current state (AI API: 412)."""


class QuotaExceeded(OperationRefused):
    """A quota of the resource group would be exceeded; the message gives the numbers."""


class InvalidInput(LaunchpadError):
    """Some fields hold values that cannot be accepted.

    Args:
        problems: field name (as the caller spelt it, `""` for the input as a whole) -> one sentence: what is wrong
            and what to do.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


class AlreadyExists(InvalidInput):
    """Another object of the same kind has the name already (AI API: 409)."""


class CursorInvalid(LaunchpadError):
    """A cursor is none of the runtime that is to go on after it."""
