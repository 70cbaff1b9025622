"""The reasons of the control plane: each code with what is said for it. Used by calling: `RUNNING(replicas=2)`.

To add one: a line here, the place that uses it, and its translation. Values are named as `messages.Message` says.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from deployments.messages import TEXT, declare

__all__ = ["TEXT"]

# --- a deployment as a whole
SUBMITTED = declare("Submitted", _("Submitted to the runtime."))
RUNNING = declare("Running", _("Running on %(replicas)s replicas."), _("Running."))
RUNNING_WITH_WARNINGS = declare("RunningWithWarnings", _("Running, but %(detail)s."))
UPDATING = declare("Updating", _("Updating to %(configuration)s: %(doing)s"))
DURATION_OVER = declare("DurationOver", _("Its duration is over. %(doing)s"))
STOPPED = declare("Stopped", _("Stopped. Its resources are released."))
SERVERS_ENDING = declare(
    "ServersEnding",
    ngettext_lazy("Waiting for %(servers)s server to end.", "Waiting for %(servers)s servers to end.", "servers"),
)
DRAINING = declare(
    "Draining",
    ngettext_lazy(
        "Waiting for %(requests)s request to finish (at most %(limit)s).",
        "Waiting for %(requests)s requests to finish (at most %(limit)s).",
        "requests",
    ),
    _("Waiting for its requests to finish (at most %(limit)s)."),
)

# --- capacity
LOOKING_FOR_CAPACITY = declare("LookingForCapacity", _("Looking for capacity."))
WAITING_FOR_CAPACITY = declare("WaitingForCapacity", _("Waiting for capacity: %(short)s."), _("Waiting for capacity."))
NEVER_FITS = declare("NeverFits", _("Waiting for capacity: %(short)s. It can never fit here: choose a smaller plan."))
WAITING_FOR_ITS_TURN = declare(
    "WaitingForItsTurn", _("Waiting for its turn: %(deployment)s has waited longer for capacity.")
)
MEMORY_SHORT = declare(
    "MemoryShort",
    _("it needs %(need)s of memory, %(free)s of memory free (and %(total)s of memory in all)"),
    _("it needs %(need)s of memory, %(free)s of memory free"),
)
CPU_SHORT = declare(
    "CpuShort",
    _("it needs %(need)s CPU, %(free)s CPU free (and %(total)s CPU in all)"),
    _("it needs %(need)s CPU, %(free)s CPU free"),
)
GPU_SHORT = declare(
    "GpuShort",
    _("it needs %(need)s GPU, %(free)s GPU free (and %(total)s GPU in all)"),
    _("it needs %(need)s GPU, %(free)s GPU free"),
)
MEMORY_SHORT_ON_NODES = declare(
    "MemoryShortOnNodes",
    _("it needs %(need)s of memory; the largest free node has %(free)s (and the largest of all %(total)s)"),
    _("it needs %(need)s of memory; the largest free node has %(free)s"),
)
CPU_SHORT_ON_NODES = declare(
    "CpuShortOnNodes",
    _("it needs %(need)s CPU; the largest free node has %(free)s (and the largest of all %(total)s)"),
    _("it needs %(need)s CPU; the largest free node has %(free)s"),
)
GPU_SHORT_ON_NODES = declare(
    "GpuShortOnNodes",
    _("it needs %(need)s GPU; the largest free node has %(free)s (and the largest of all %(total)s)"),
    _("it needs %(need)s GPU; the largest free node has %(free)s"),
)
NO_NODE_HAS_ALL = declare(
    "NoNodeHasAll",
    _("it needs %(cpu)s CPU, %(memory)s of memory and %(gpus)s GPU on one node, and no node has all of that free"),
    _("it needs %(cpu)s CPU and %(memory)s of memory on one node, and no node has both free"),
)
REPLICAS_SHORT = declare(
    "ReplicasShort",
    _(
        "each of its %(replicas)s replicas needs %(cpu)s CPU, %(memory)s of memory and %(gpus)s GPU on one node; "
        "the nodes have room for %(fitting)s of them"
    ),
    _(
        "each of its %(replicas)s replicas needs %(cpu)s CPU and %(memory)s of memory on one node; "
        "the nodes have room for %(fitting)s of them"
    ),
)
NODE_MISSING = declare(
    "NodeMissing",
    _("Its node %(node)s is not there any more. Start the deployment again: it is placed on another node then."),
)
CAPACITY_UNKNOWN = declare("CapacityUnknown", _("The connection %(connection)s has not said yet what it has."))
MEMORY_AMOUNT = declare("MemoryAmount", _("%(amount)s of memory"))
CPU_AMOUNT = declare("CpuAmount", _("%(amount)s CPU"))
GPU_AMOUNT = declare("GpuAmount", _("%(amount)s GPU"))
RESOURCE_PLAN_MISSING = declare("ResourcePlanMissing", _("There is no resource plan %(plan)s any more."))
TEMPLATE_DOES_NOT_FIT = declare("TemplateDoesNotFit", _("Its template and configuration do not fit: %(error)s"))

# --- on the way up
PREPARING_ENVIRONMENT = declare(
    "PreparingEnvironment",
    _("Preparing the Python environment: %(detail)s"),
    _("Preparing the Python environment."),
)
FETCHING_ARTIFACTS = declare(
    "FetchingArtifacts", _("Fetching the input artifacts: %(detail)s"), _("Fetching the input artifacts.")
)
STARTING_SERVER = declare("StartingServer", _("Starting the server: %(detail)s"), _("Starting the server."))
WAITING_FOR_HEALTH = declare(
    "WaitingForHealth",
    _("Waiting for the server to become healthy: %(detail)s"),
    _("Waiting for the server to become healthy."),
)
VERIFYING = declare(
    "Verifying",
    _("Verifying it with a request through the gateway: %(detail)s"),
    _("Verifying it with a request through the gateway."),
)
OPENING_URL = declare("OpeningUrl", _("Opening its URL: %(detail)s"), _("Opening its URL."))
RESTARTING = declare(
    "Restarting",
    _("Starting the server again (attempt %(attempt)s of %(most)s): %(cause)s"),
    _("Starting the server again (attempt %(attempt)s of %(most)s)."),
)

# --- a step that took too long
NO_CAPACITY_IN_TIME = declare(
    "NoCapacityInTime",
    _("There was no capacity for it within %(limit)s. %(detail)s"),
    _("There was no capacity for it within %(limit)s."),
)
ENVIRONMENT_NOT_READY_IN_TIME = declare(
    "EnvironmentNotReadyInTime", _("Its Python environment was not ready within %(limit)s.")
)
ARTIFACTS_NOT_FETCHED_IN_TIME = declare(
    "ArtifactsNotFetchedInTime", _("Its input artifacts had not arrived within %(limit)s.")
)
PORT_NOT_OPENED_IN_TIME = declare(
    "PortNotOpenedInTime",
    _("The server did not open its port within %(limit)s. Seen last: %(detail)s."),
    _("The server did not open its port within %(limit)s."),
)
NOT_HEALTHY_IN_TIME = declare(
    "NotHealthyInTime",
    _("The server did not become healthy within %(limit)s. Seen last: %(detail)s."),
    _("The server did not become healthy within %(limit)s."),
)
NOT_VERIFIED_IN_TIME = declare(
    "NotVerifiedInTime",
    _("No request through the gateway succeeded within %(limit)s. %(detail)s"),
    _("No request through the gateway succeeded within %(limit)s."),
)
NOT_ROUTED_IN_TIME = declare("NotRoutedInTime", _("The gateway did not take the route within %(limit)s."))
ENVIRONMENT_HANGS = declare(
    "EnvironmentHangs", _("The server was not prepared within %(limit)s: its environment or image is not there.")
)
ARTIFACTS_HANG = declare("ArtifactsHang", _("The server did not fetch its input artifacts within %(limit)s."))
HEALTH_PATH_SILENT = declare(
    "HealthPathSilent",
    _("The server did not answer its health path for %(limit)s. Seen last: %(detail)s."),
    _("The server did not answer its health path for %(limit)s."),
)

# --- failure and trouble in service
UPDATE_FAILED = declare(
    "UpdateFailed",
    _("Update to %(configuration)s failed: %(cause)s The last configuration that was running is %(last)s."),
    _("Update to %(configuration)s failed: %(cause)s"),
)
ROLLED_BACK = declare("RolledBack", _("Update to %(configuration)s failed: %(cause)s Returned to %(serving)s."))
PROBE_FAILED = declare(
    "ProbeFailed",
    _("It does not answer through the gateway: %(detail)s"),
    _("It does not answer through the gateway"),
)
NO_SERVER_ANSWERS = declare(
    "NoServerAnswers",
    _("No server answers; starting again. %(cause)s"),
    _("No server answers; starting again."),
)
SERVERS_SILENT = declare(
    "ServersSilent",
    _("No server answers. One that stays silent for %(limit)s is killed and started again."),
)
SOME_REPLICAS_ANSWER = declare(
    "SomeReplicasAnswer",
    _("%(healthy)s of %(replicas)s replicas answer; the others are starting again. %(cause)s"),
    _("%(healthy)s of %(replicas)s replicas answer; the others are starting again."),
)

# --- what an attempt was at when it ended (`during`), and what its log says (`log`); see `messages.render`
BEFORE_START = declare("BeforeStart", _("Before it started: %(message)s"))
WHILE_PREPARING = declare("WhilePreparing", _("While its Python environment was being prepared: %(message)s"))
WHILE_FETCHING = declare("WhileFetching", _("While its input artifacts were being fetched: %(message)s"))
WHILE_STARTING = declare("WhileStarting", _("While it was starting: %(message)s"))
WHILE_BECOMING_HEALTHY = declare("WhileBecomingHealthy", _("While it was becoming healthy: %(message)s"))
WHILE_SERVING = declare("WhileServing", _("While it was serving: %(message)s"))
WHILE_STOPPING = declare("WhileStopping", _("While it was stopping: %(message)s"))
LOG_SAYS = declare("LogSays", _("%(message)s Its log says: %(error)s"))

# --- events
STATUS_CHANGED = declare("StatusChanged", "%(message)s")
RESTART_SCHEDULED = declare(
    "RestartScheduled",
    _("%(cause)s Starting replica %(number)s again in %(pause)s."),
    _("%(cause)s Starting replica %(number)s again now."),
)
TRAFFIC_MOVED = declare("TrafficMoved", _("Traffic moved to %(configuration)s."))
UNREACHABLE = declare("Unreachable", _("Its state is not known for the moment: %(cause)s"))
ENDS_SOON = declare(
    "EndsSoon",
    ngettext_lazy(
        "Its duration ends in %(minutes)s minute; it will be stopped and deleted then.",
        "Its duration ends in %(minutes)s minutes; it will be stopped and deleted then.",
        "minutes",
    ),
)
CREATED = declare("Created", _("Deployment of %(configuration)s created."))
UPDATE_REQUESTED = declare("UpdateRequested", _("Update from %(current)s to %(configuration)s requested."))
STOP_REQUESTED = declare("StopRequested", _("Stop requested."))
DELETION_REQUESTED = declare("DeletionRequested", _("Deletion requested."))

# --- what the gateway saw
PROBE_SUCCEEDED = declare("ProbeSucceeded", _("%(request)s answered %(status)s"))
PROBE_ANSWERED = declare(
    "ProbeAnswered",
    _("%(request)s answered %(answer)s in %(latency)s ms: %(excerpt)s."),
    _("%(request)s answered %(answer)s in %(latency)s ms."),
)
PROBE_TIMED_OUT = declare("ProbeTimedOut", _("%(request)s was not answered within %(timeout)s."))
GATEWAY_NOT_RUNNING = declare(
    "GatewayNotRunning", _("The gateway does not run; it will start with the current routes.")
)
GATEWAY_RELOAD_REFUSED = declare(
    "GatewayReloadRefused", _("The gateway did not accept its new configuration; its log says why.")
)
GATEWAY_CONFIGURATION_REFUSED = declare(
    "GatewayConfigurationRefused", _("HAProxy refuses the configuration: %(error)s")
)
GATEWAY_WORKER_ENDED = declare("GatewayWorkerEnded", _("The gateway's process %(worker)s has ended."))
GATEWAY_ANSWER_UNEXPECTED = declare("GatewayAnswerUnexpected", _("The gateway answered %(answer)s to %(command)s."))
GATEWAY_METRICS_MISSING = declare("GatewayMetricsMissing", _("The gateway returned no metrics: %(error)s."))
GATEWAY_SILENT = declare("GatewaySilent", _("The gateway did not answer: %(error)s"))


# --- where a server is reached, and the connection that it belongs to
HOST_UNRESOLVED = declare("HostUnresolved", _("its name %(host)s has no address"))
ENDPOINT_SCHEME_UNKNOWN = declare("EndpointSchemeUnknown", _("%(scheme)s is no scheme that the gateway can use."))
ENDPOINT_HOST_INVALID = declare("EndpointHostInvalid", _("%(host)s is neither an IP address nor a host name."))
ENDPOINT_PORT_INVALID = declare("EndpointPortInvalid", _("%(port)s is not a port."))
ENDPOINT_PREFIX_INVALID = declare("EndpointPrefixInvalid", _("%(prefix)s cannot stand before a path."))
ENDPOINT_HOST_HEADER_INVALID = declare("EndpointHostHeaderInvalid", _("%(host)s is no name of a host."))
ENDPOINT_CA_NOT_READABLE = declare("EndpointCaNotReadable", _("Its certificates cannot be read."))
CONNECTION_SILENT = declare("ConnectionSilent", _("It has not answered for more than %(limit)s."))
CONNECTION_GONE = declare("ConnectionGone", _("The connection was deleted meanwhile."))
INQUIRY_FAILED = declare(
    "InquiryFailed", _("Something went wrong in Launchpad while it was asked; the log of the worker says what.")
)
CONNECTION_KIND_UNKNOWN = declare(
    "ConnectionKindUnknown", _("This version of Launchpad has no runtime of the kind %(kind)s.")
)
CONNECTION_SECRETS_NOT_READABLE = declare(
    "ConnectionSecretsNotReadable",
    _(
        "The secrets of the connection %(connection)s were encrypted with another key than LAUNCHPAD_SECRETS_KEY has "
        "now. Add the former key to that setting, or enter them again."
    ),
)

# --- what the health path of a server answered
HEALTH_ANSWERED = declare("HealthAnswered", _("GET %(path)s answered %(status)s"))
HEALTH_TIMED_OUT = declare("HealthTimedOut", _("GET %(path)s was not answered within %(limit)s"))
HEALTH_NOT_HTTP = declare("HealthNotHttp", _("GET %(path)s was not answered in HTTP/1.1"))
HEALTH_BROKEN_OFF = declare("HealthBrokenOff", _("GET %(path)s: %(error)s"))

# --- what is prepared for every runtime
ARTIFACT_NOT_GIVEN = declare(
    "ArtifactNotGiven", _("The template names the input artifact %(name)s, but the configuration has none.")
)
MODEL_SERVERS_NOT_BUILT = declare(
    "ModelServersNotBuilt", _("The package of the model servers cannot be built: %(error)s")
)
MODEL_SERVERS_NOT_BUILT_IN_TIME = declare(
    "ModelServersNotBuiltInTime", _("The package of the model servers could not be built within %(limit)s.")
)

# --- secrets that a template takes values from
SECRET_MISSING = declare(
    "SecretMissing",
    _(
        "The template takes %(variable)s from the secret %(secret)s, which the resource group %(group)s does not "
        "have. Ask an administrator to add it."
    ),
)
SECRET_KEY_MISSING = declare(
    "SecretKeyMissing",
    _(
        "The template takes %(variable)s from the key %(key)s of the secret %(secret)s, which has only: %(keys)s. Ask "
        "an administrator to add it."
    ),
)
PULL_SECRET_MISSING = declare(
    "PullSecretMissing",
    _(
        "The template opens the registry of its image with the secret %(secret)s, which the resource group %(group)s "
        "does not have. Ask an administrator to add it: Administration → Secrets → Registry credentials."
    ),
)
PULL_SECRET_INVALID = declare(
    "PullSecretInvalid",
    _(
        "The secret %(secret)s opens no registry: its key %(key)s does not hold Docker's config.json with `auths`. "
        "Ask an administrator to correct it: Administration → Secrets → Registry credentials."
    ),
)
SECRET_NOT_READABLE = declare(
    "SecretNotReadable",
    _(
        "The secret %(name)s was encrypted with another key than LAUNCHPAD_SECRETS_KEY has now. "
        "Add the former key to that setting, or enter the secret's values again."
    ),
)
