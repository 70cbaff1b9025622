"""The errors that the layers of Launchpad tell one another, always with a sentence for people.

What a person or the reconciler can act on has a class here; anything else propagates and is logged.
"""


class LaunchpadError(Exception):
    """Base of all errors with a message that may be shown to the person who asked."""


class RuntimeUnavailable(LaunchpadError):
    """The runtime could not be reached or did not answer in time: change nothing, try again later."""


class RuntimeRejected(LaunchpadError):
    """The runtime refused for good: trying the same again cannot help."""


class SecretMissing(LaunchpadError):
    """A template takes a value from a secret that is not there or cannot be opened."""


class GatewayUnavailable(LaunchpadError):
    """The gateway could not be reached: change nothing, try again later."""


class GatewayRejected(LaunchpadError):
    """The gateway refused a configuration for good; the one before stays in force."""


class TokenInvalid(LaunchpadError):
    """An access token is not ours, not for here, or has expired (AI API: 401)."""


class NotAllowed(LaunchpadError):
    """The role of whoever asks does not cover the action (AI API: 403)."""


class OperationRefused(LaunchpadError):
    """The rules of the lifecycle forbid the action in the present state (AI API: 412)."""


class QuotaExceeded(OperationRefused):
    """A quota of the resource group would be exceeded; the message gives the numbers."""


class InvalidInput(LaunchpadError):
    """Some fields hold values that cannot be accepted.

    Args:
        problems: field name (as the caller spelt it, `""` for the whole) -> one sentence on what is wrong
            and what to do.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = problems


class AlreadyThere(InvalidInput):
    """The name is taken by something else of the same kind (AI API: 409)."""
