"""Reads the container of a template: image, command, environment, ports, readiness probe, mounts, resources.

What cannot be run as it is meant is refused with `Source.refuse`, so that templates which were imported before it was
refused can still be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from deployments.serving_template.quantities import quantity
from deployments.serving_template.schema import MountTemplate, ProbeTemplate, SecretKey
from deployments.serving_template.yaml_source import PLACEHOLDER, Path, Source, Tree, as_list, as_mapping

BODY: Path = ("spec", "template")
PREDICTOR: Path = (*BODY, "spec", "predictor")
CONTAINER: Path = (*PREDICTOR, "containers", 0)
GPU = "nvidia.com/gpu"
AMOUNTS = ("cpu", "memory", GPU)
_ENV_NAME = re.compile(r"[A-Za-z_.-][\w.-]*", re.ASCII)
_REFERENCE = re.compile(
    r"\$(\$?)\(([A-Za-z_.-][\w.-]*)\)", re.ASCII
)  # as Kubernetes expands it, `$$(NAME)` it does not
_MAX_EXPANDED = 200_000  # characters
_SECONDS = {
    "initialDelaySeconds": "initial_delay_seconds",
    "periodSeconds": "period_seconds",
    "timeoutSeconds": "timeout_seconds",
    "failureThreshold": "failure_threshold",
}


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The environment variables of a container.

    Args:
        plain: those with a value.
        secret: those with the value of a secret.
    """

    plain: dict[str, str]
    secret: dict[str, SecretKey]


@dataclass(frozen=True)
class Container:
    """One container, and the fields of it that the server is made from.

    Args:
        source: what reports the problems.
        tree: the container as it is written.
        path: where it stands.
    """

    source: Source
    tree: dict[str, Tree]
    path: Path

    def text(self, name: str) -> str:
        return self.source.text(self.tree.get(name), (*self.path, name))

    def strings(self, name: str) -> tuple[str, ...]:
        """Return the items of `command` or `args` with the references to variables (`$(NAME)`) filled in."""
        field: Path = (*self.path, name)
        values = {"PORT": "{{runtime.port}}"} | self.environment.plain
        items = enumerate(self.source.items(self.tree.get(name), field))
        return tuple(
            self._expanded(self.source.text(item, (*field, index)), values, (*field, index)) for index, item in items
        )

    @cached_property
    def environment(self) -> Environment:
        plain: dict[str, str] = {}
        secret: dict[str, SecretKey] = {}
        unset: set[str] = set()  # by other objects of a cluster
        for index, entry in enumerate(self.source.items(self.tree.get("env"), (*self.path, "env"))):
            field: Path = (*self.path, "env", index)
            item = self.source.mapping(entry, field)
            name = self.source.text(item.get("name"), (*field, "name"))
            if not _ENV_NAME.fullmatch(name):
                self.source.report((*field, "name"), f"“{name}” is no name of an environment variable.")
            elif name in plain or name in secret or name in unset:
                self.source.report((*field, "name"), f"“{name}” is set twice.")
            elif "valueFrom" not in item:
                value: Path = (*field, "value")
                plain[name] = self._expanded(self.source.text(item.get("value"), value), plain, value, secret)
            elif reference := self._secret_key(item, (*field, "valueFrom")):
                secret[name] = reference
            else:
                unset.add(name)
                self._refuse_origin(name, item, (*field, "valueFrom"))
        return Environment(plain=plain, secret=secret)

    def _expanded(
        self, text: str, values: dict[str, str], path: Path, secret: dict[str, SecretKey] | None = None
    ) -> str:
        names = [match[2] for match in _REFERENCE.finditer(text) if not match[1]]
        hidden = self.environment.secret if secret is None else secret
        if found := next((name for name in names if name in hidden), None):
            sentence = _(
                "$(%(name)s) would write a secret where it can be read: let the program take %(name)s from its "
                "environment instead."
            )
            self.source.refuse(path, sentence % {"name": found})
        if len(text) + sum(len(values.get(name, "")) for name in names) > _MAX_EXPANDED:
            self.source.report(path, "This is too large with the values of its variables.")
            return text
        return _REFERENCE.sub(lambda match: match[0][1:] if match[1] else values.get(match[2], match[0]), text)

    def _secret_key(self, item: dict[str, Tree], field: Path) -> SecretKey | None:
        """Return the secret of a variable, None when its value comes from something else."""
        origin = self.source.mapping(item.get("valueFrom"), field)
        if "secretKeyRef" not in origin:
            return None
        key_ref: Path = (*field, "secretKeyRef")
        reference = self.source.mapping(origin["secretKeyRef"], key_ref)
        name, key = (self.source.text(reference.get(part), (*key_ref, part)) for part in ("name", "key"))
        if not name or not key:
            self.source.report(key_ref, "A secretKeyRef needs the `name` of a secret and one of its keys as `key`.")
        return SecretKey(secret=name, key=key, optional=self.source.text(reference.get("optional"), key_ref) == "true")

    def _refuse_origin(self, name: str, item: dict[str, Tree], field: Path) -> None:
        kind = next(iter(as_mapping(item.get("valueFrom"))), "valueFrom")
        sentence = _(
            "The variable %(name)s takes its value from the cluster (%(kind)s), which is not supported: give it a "
            "`value`, a parameter, or the key of a secret (secretKeyRef)."
        )
        self.source.refuse((*field, kind), sentence % {"name": name, "kind": kind})

    # --- ports and the readiness probe --------------------------------------------------------------------------

    @cached_property
    def ports(self) -> tuple[str, ...]:
        """The ports of the container; without any, the one that its readiness probe names."""
        ports = tuple(port for _name, port in self._ports)
        if not ports and (port := self._probe_port) and (port.isdigit() or PLACEHOLDER.search(port)):
            return (port,)
        return ports

    @cached_property
    def _ports(self) -> tuple[tuple[str, str], ...]:
        ports = []
        for index, entry in enumerate(self.source.items(self.tree.get("ports"), (*self.path, "ports"))):
            field: Path = (*self.path, "ports", index)
            item = self.source.mapping(entry, field)
            number = self.source.whole(item.get("containerPort"), (*field, "containerPort"))
            if item.get("hostPort"):
                self.source.refuse(
                    (*field, "hostPort"),
                    _("A port of the machine (hostPort) is not supported: requests come through the gateway."),
                )
            ports.append((self.source.text(item.get("name"), (*field, "name")), number))
        return tuple((name, number) for name, number in ports if number)

    @cached_property
    def _probe(self) -> tuple[dict[str, Tree], Path]:
        field: Path = (*self.path, "readinessProbe")
        return self.source.mapping(self.tree.get("readinessProbe"), field), field

    @cached_property
    def _probe_port(self) -> str:
        probe, field = self._probe
        kind = "tcpSocket" if "tcpSocket" in probe else "httpGet"
        action = self.source.mapping(probe.get(kind), (*field, kind))
        return self.source.text(action.get("port"), (*field, kind, "port")).strip()

    def probe(self) -> ProbeTemplate | None:
        """Return how the server is asked for its health, None when the template does not say it."""
        probe, field = self._probe
        if not probe:
            return None
        for kind in probe.keys() & {"exec", "grpc"}:
            sentence = _(
                "A readiness probe by %(kind)s is not supported: use httpGet with a path that answers 2xx, or "
                "tcpSocket."
            )
            self.source.refuse((*field, kind), sentence % {"kind": kind})
        if "httpGet" not in probe and "tcpSocket" not in probe:
            return None
        path, headers = self._http_get(probe, field) if "httpGet" in probe else ("", {})
        numbers = {ours: self._whole(probe.get(name), (*field, name)) for name, ours in _SECONDS.items()}
        return ProbeTemplate(path=path, port=self._port_number(field), headers=headers, **numbers)

    def _http_get(self, probe: dict[str, Tree], field: Path) -> tuple[str, dict[str, str]]:
        """Return path and headers; a path without a slash at its beginning gets one, as in Kubernetes."""
        at: Path = (*field, "httpGet")
        get = self.source.mapping(probe.get("httpGet"), at)
        path = self.source.text(get.get("path"), (*at, "path")).strip()
        scheme = self.source.text(get.get("scheme"), (*at, "scheme")).upper()
        if scheme not in ("", "HTTP"):
            sentence = _("The scheme %(scheme)s is not supported: servers are asked and used by HTTP, without TLS.")
            self.source.refuse((*at, "scheme"), sentence % {"scheme": scheme})
        if get.get("host"):
            self.source.refuse((*at, "host"), _("Another host is not supported: the server itself is asked."))
        headers = {}
        for entry in as_list(get.get("httpHeaders")):
            header = as_mapping(entry)
            headers[str(header.get("name") or "")] = str(header.get("value") or "")
        return path if path.startswith(("/", "{{")) else f"/{path}", headers

    def _port_number(self, field: Path) -> str:
        """Return the port of the probe, which may be the name of one of the container's."""
        port = self._probe_port
        if not port or port.isdigit() or PLACEHOLDER.search(port):
            return port
        named = dict(self._ports).get(port)
        if named is None:
            sentence = _("The container has no port of the name “%(port)s”: add it to `ports`, or give its number.")
            self.source.refuse((*field, "httpGet", "port"), sentence % {"port": port})
        return named or ""

    def _whole(self, value: Tree, path: Path) -> str:
        text = "" if isinstance(value, (dict, list)) or value is None else str(value).strip()
        if text and not PLACEHOLDER.search(text) and not (text.isascii() and text.isdigit()):
            self.source.refuse(path, _("A whole number is needed, not “%(text)s”.") % {"text": text})
            return ""
        return text

    # --- mounts, security and resources -------------------------------------------------------------------------

    def mounts(self, volumes: dict[str, MountTemplate | None]) -> tuple[MountTemplate, ...]:
        """Return the empty folders of the container.

        Args:
            volumes: those of the predictor, None for one that is not supported, which was refused.
        """
        mounts: dict[tuple[str, str], MountTemplate] = {}
        for index, entry in enumerate(as_list(self.tree.get("volumeMounts"))):
            field: Path = (*self.path, "volumeMounts", index)
            item = as_mapping(entry)
            name, path = str(item.get("name") or ""), str(item.get("mountPath") or "").strip()
            inside = str(item.get("subPath") or item.get("subPathExpr") or "")
            if name not in volumes:
                sentence = _("There is no volume “%(name)s”: add it to `volumes` of the predictor as an emptyDir.")
                self.source.refuse(field, sentence % {"name": name})
            elif (name, inside) in mounts:
                sentence = _("The volume “%(name)s” is mounted twice: give each folder a volume of its own.")
                self.source.refuse(field, sentence % {"name": name})
            elif volume := volumes[name]:
                mounts[name, inside] = MountTemplate(path=path, in_memory=volume.in_memory, size=volume.size)
                if not path.startswith(("/", "{{")):
                    self.source.refuse((*field, "mountPath"), _("A folder that begins with / is needed."))
        return tuple(mounts.values())

    def has_read_only_root(self) -> bool:
        context = as_mapping(self.tree.get("securityContext"))
        return str(context.get("readOnlyRootFilesystem")).lower() == "true"

    def amounts(self) -> dict[str, str]:
        """Return what `resources` ask for: the limit, or else the request."""
        field: Path = (*self.path, "resources")
        resources = as_mapping(self.tree.get("resources"))
        amounts: dict[str, str] = {}
        for section in ("requests", "limits"):
            for name, value in as_mapping(resources.get(section)).items():
                text = "" if value is None else str(value).strip()
                if name in AMOUNTS and not PLACEHOLDER.search(text) and quantity(text) is None:
                    sentence = _("“%(text)s” is no amount: write for example 500m, 2, 512Mi or 3Gi.")
                    self.source.refuse((*field, section, name), sentence % {"text": text})
                elif name in AMOUNTS:
                    amounts[name] = text
                elif "/" in name:
                    sentence = _("The device %(name)s is not supported; %(gpu)s is.") % {"name": name, "gpu": GPU}
                    self.source.refuse((*field, section, name), sentence)
        return amounts
