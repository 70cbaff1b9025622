"""The reasons that only the runtime of containers reports."""

from __future__ import annotations

from deployments.runtimes.messages import _, declare

SENTENCES: dict[str, tuple[str, ...]] = {}  # code -> sentences; the first one whose values are all given is shown


def _declare(code: str, *sentences: str) -> str:
    return declare(SENTENCES, code, *sentences)


# --- the engine
ENGINE_ABSENT = _declare(
    "EngineAbsent", _("No container engine answers at %(address)s: start it, or correct the address.")
)
ENGINE_FORBIDDEN = _declare(
    "EngineForbidden",
    _(
        "The container engine at %(address)s may not be used by the user that runs Launchpad: let this user use its "
        "socket, e.g. by the group docker."
    ),
)
ENGINE_SILENT = _declare(
    "EngineSilent", _("The container engine at %(address)s did not answer in time. Is it overloaded?")
)
ENGINE_BROKE_OFF = _declare(
    "EngineBrokeOff", _("The connection to the container engine at %(address)s broke off: %(error)s.")
)
ENGINE_UNTRUSTED = _declare(
    "EngineUntrusted",
    _(
        "TLS with the container engine at %(address)s failed: %(error)s. Check its CA, and the certificate and key "
        "that it knows us by."
    ),
)
ENGINE_FAILED = _declare("EngineFailed", _("The container engine answered with an error: %(error)s."))
NOT_AN_ENGINE = _declare("NotAnEngine", _("What answers at %(address)s is no container engine."))
ENGINE_TOO_OLD = _declare(
    "EngineTooOld",
    _("The container engine at %(address)s is too old (%(version)s): Docker 20.10 or Podman 4 is needed."),
)
ENGINE_WITHOUT_LINUX = _declare(
    "EngineWithoutLinux", _("The container engine at %(address)s runs %(system)s containers, and Linux is needed.")
)
TUNNEL_FAILED = _declare("TunnelFailed", _("%(host)s cannot be reached by SSH: %(error)s."))
OPTIONS_UNUSABLE = _declare("ContainerOptionsUnusable", _("The options of the connection cannot be used: %(error)s"))
RECORDS_BROKEN = _declare("ContainerRecordsBroken", _("What is noted of containers cannot be used: %(error)s."))
ENGINE_ANSWERS = _declare("EngineAnswers", _("%(version)s answers at %(address)s."))

# --- what a template asks for
NO_IMAGE = _declare(
    "NoImage",
    _("“%(name)s” names no container image, so a container engine cannot run it: add `image` to its container."),
)
NO_SERVERS_IMAGE = _declare(
    "NoServersImage",
    _(
        "The engine has no image %(image)s, in which the model servers that come with Launchpad run: build it there "
        "with `make image`, or name another one in the options of the connection."
    ),
)
IMAGE_NOT_ALLOWED = _declare(
    "ImageNotAllowed", _("The image %(image)s may not be run here: this connection allows %(prefixes)s.")
)
MODEL_UNKNOWN = _declare("ModelUnknown", _("The model is said to be the input artifact %(name)s, which is not given."))

# --- the image
PULLING_IMAGE = _declare(
    "PullingImage",
    _("pulling the image: %(done)s of %(total)s, %(layers)s layers, %(rate)s a second, %(left)s left"),
    _("pulling the image: %(done)s of %(total)s, %(layers)s layers"),
    _("pulling the image: %(layers)s layers"),
    _("pulling the image %(image)s"),
)
IMAGE_PULLED = _declare("ImagePulled", _("The image %(image)s was pulled within %(lasted)s."))
IMAGE_PRESENT = _declare("ImagePresent", _("The image %(image)s is there already."))
IMAGE_NOT_FOUND = _declare(
    "ImageNotFound", _("There is no image %(image)s in its registry: check its name and tag. It answered: %(error)s")
)
IMAGE_NOT_HERE = _declare(
    "ImageNotHere",
    _("The engine has no image %(image)s, and this connection never pulls one: load it there, or change the policy."),
)
IMAGE_NO_ACCESS = _declare(
    "ImageNoAccess",
    _(
        "The registry %(registry)s does not give us the image %(image)s: put a secret with its user and password "
        "into the resource group and name it in `imagePullSecrets`. It answered: %(error)s"
    ),
)
IMAGE_ACCESS_REFUSED = _declare(
    "ImageAccessRefused",
    _(
        "The registry %(registry)s refuses the user or password of `imagePullSecrets` for the image %(image)s: "
        "correct that secret. It answered: %(error)s"
    ),
)
IMAGE_WRONG_ARCHITECTURE = _declare(
    "ImageWrongArchitecture",
    _("The image %(image)s is made for %(found)s, and this engine runs %(wanted)s: build it for that."),
    _("There is no variant of the image %(image)s that this engine could run. It answered: %(error)s"),
)
REGISTRY_UNREACHABLE = _declare(
    "RegistryUnreachable",
    _("The registry of the image %(image)s cannot be reached from the engine. It said: %(error)s"),
)
IMAGE_NO_SPACE = _declare(
    "ImageNoSpace", _("There is no room for the image %(image)s on the engine's disk: remove images or volumes there.")
)
IMAGE_INVALID = _declare(
    "ImageInvalid", _("The image %(image)s cannot be used: its name or what its registry has is invalid: %(error)s")
)
IMAGE_PULL_FAILED = _declare("ImagePullFailed", _("The image %(image)s cannot be pulled: %(error)s"))
PULL_SECRET_INVALID = _declare(
    "PullSecretUnreadable",
    _('A secret of `imagePullSecrets` is not in the form of Docker\'s config.json: {"auths": {"registry": ...}}.'),
)

# --- the model
COPYING_ARTIFACT = _declare(
    "CopyingArtifact",
    _("copying %(name)s to the engine: %(done)s of %(total)s, %(rate)s a second, %(left)s left"),
    _("copying %(name)s to the engine: %(done)s of %(total)s"),
)
ARTIFACT_COPIED = _declare("ArtifactCopied", _("The input artifact %(name)s was copied to the engine: %(done)s."))
ARTIFACT_PRESENT = _declare("ArtifactPresent", _("The input artifact %(name)s is on the engine already."))

# --- the container
CONTAINER_CREATED = _declare("ContainerCreated", _("The container %(name)s was created."))
CONTAINER_STARTED = _declare("ContainerStarted", _("The container was started."))
CONTAINER_NOT_CREATED = _declare("ContainerNotCreated", _("The container cannot be created: %(error)s"))
CONTAINER_NOT_STARTED = _declare("ContainerNotStarted", _("The container cannot be started: %(error)s"))
CONTAINER_LOST = _declare("ContainerLost", _("The container is gone: somebody removed it from the engine."))
PREPARATION_FAILED = _declare("PreparationFailed", _("Launchpad failed to prepare the container: %(error)s"))
LIMIT_MAY_BE_HIT = _declare(
    "LimitMayBeHit",
    _(
        "The engine does not tell whether its memory limit was the reason: when last measured it used %(used)s of "
        "%(memory)s."
    ),
    _("The engine does not tell whether its memory limit of %(memory)s was the reason."),
)
GPUS_TAKEN = _declare("GpusTaken", _("All GPUs of the connection are in use: it needs %(need)s, %(free)s are free."))
