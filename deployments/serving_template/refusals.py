"""The parts of a template that change what runs and that Launchpad does not have: they are refused at import.

A sentence says which part it is and what to do instead. Parts that only matter in a cluster are in `leftovers`.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deployments.serving_template.container import BODY, PREDICTOR
from deployments.serving_template.schema import MountTemplate
from deployments.serving_template.yaml_source import PLACEHOLDER, Path, Source, Tree, as_list, as_mapping

_INSTEAD = {
    "secret": gettext_lazy("take its values as environment variables (secretKeyRef)"),
    "configMap": gettext_lazy("put the files into the image, or pass the values as parameters"),
    "persistentVolumeClaim": gettext_lazy("give its files as an input artifact"),
    "hostPath": gettext_lazy("servers never see folders of the machine; give the files as an input artifact"),
}
_HOST = ("hostNetwork", "hostPID", "hostIPC")


def refuse_parts_of_spec(source: Source, spec: Mapping[str, Tree]) -> None:
    """Refuse what stands beside the predictor."""
    field: Path = (*BODY, "spec")
    for name in ("transformer", "explainer"):
        if spec.get(name):
            sentence = _(
                "A %(part)s is not supported: one server runs for each replica. Deploy it on its own, or do its work "
                "in the predictor."
            )
            source.refuse((*field, name), sentence % {"part": name})


def refuse_parts_of_predictor(source: Source, predictor: Mapping[str, Tree]) -> None:
    """Refuse further containers, and what would open the machine to them."""
    if predictor.get("initContainers"):
        source.refuse(
            (*PREDICTOR, "initContainers"),
            _(
                "Init containers are not supported: let the image's own start do this work, or give what they fetch "
                "as an input artifact."
            ),
        )
    containers = as_list(predictor.get("containers"))
    if len(containers) > 1:
        name = str(as_mapping(containers[1]).get("name") or "")
        sentence = _(
            "The container %(name)s is the second one: only one container for each replica is supported, so its work "
            "belongs into the first one's image."
        )
        source.refuse((*PREDICTOR, "containers", 1), sentence % {"name": f"“{name}”" if name else ""})
    if predictor.get("workerSpec"):
        source.refuse((*PREDICTOR, "workerSpec"), _("Servers that spread over several nodes are not supported."))
    for name in _HOST:
        if _is_true(predictor.get(name)):
            source.refuse((*PREDICTOR, name), _("The machine's own network and processes are closed to servers."))
    context = as_mapping(predictor.get("securityContext"))
    if context.get("sysctls"):
        source.refuse((*PREDICTOR, "securityContext", "sysctls"), _("Settings of the kernel cannot be changed."))
    _refuse_profile(source, context, (*PREDICTOR, "securityContext"))


def refuse_parts_of_container(source: Source, container: Mapping[str, Tree], path: Path) -> None:
    """Refuse rights that no server gets, and values that nobody here has."""
    if container.get("envFrom"):
        sentence = _(
            "`envFrom` is not supported: name each variable in `env`, with a value or a key of a secret "
            "(secretKeyRef)."
        )
        source.refuse((*path, "envFrom"), sentence)
    if container.get("volumeDevices"):
        source.refuse((*path, "volumeDevices"), _("Block devices (volumeDevices) are not supported."))
    context = as_mapping(container.get("securityContext"))
    field: Path = (*path, "securityContext")
    for name in ("privileged", "allowPrivilegeEscalation"):
        if _is_true(context.get(name)):
            sentence = _("No server gets more rights than a user (%(part)s): leave this out, and run without them.")
            source.refuse((*field, name), sentence % {"part": name})
    if added := as_list(as_mapping(context.get("capabilities")).get("add")):
        sentence = _("The capabilities %(names)s are not given: servers run without any. Leave this out.")
        source.refuse((*field, "capabilities"), sentence % {"names": ", ".join(map(str, added))})
    if str(context.get("procMount") or "Default") != "Default":
        source.refuse((*field, "procMount"), _("The file system of processes stays masked: leave this out."))
    _refuse_profile(source, context, field)


def volumes_of(source: Source, predictor: Mapping[str, Tree]) -> dict[str, MountTemplate | None]:
    """Return the volumes by name, without a path; None for one of another kind than emptyDir, which is refused."""
    volumes: dict[str, MountTemplate | None] = {}
    for index, entry in enumerate(as_list(predictor.get("volumes"))):
        volume = as_mapping(entry)
        name = str(volume.get("name") or "")
        kind = next((kind for kind in volume if kind not in ("name", "emptyDir")), "")
        if kind:
            volumes[name] = None
            sentence = _("The volume “%(name)s” is a %(kind)s, which is not supported; only emptyDir is: %(instead)s.")
            instead = _INSTEAD.get(kind, _INSTEAD["persistentVolumeClaim"])
            values = {"name": name, "kind": kind, "instead": instead}
            source.refuse((*PREDICTOR, "volumes", index, kind), sentence % values)
            continue
        empty = as_mapping(volume.get("emptyDir"))
        medium, size = str(empty.get("medium") or ""), str(empty.get("sizeLimit") or "").strip()
        if medium not in ("", "Memory") and not PLACEHOLDER.search(medium):
            sentence = _("The medium %(medium)s is not supported: write Memory, or leave it out for the disk.")
            source.refuse((*PREDICTOR, "volumes", index, "emptyDir", "medium"), sentence % {"medium": medium})
        volumes[name] = MountTemplate(path="", in_memory=medium == "Memory", size=size)
    return volumes


def _refuse_profile(source: Source, context: Mapping[str, Tree], field: Path) -> None:
    profile = str(as_mapping(context.get("seccompProfile")).get("type") or "")
    if profile == "Unconfined":
        source.refuse((*field, "seccompProfile"), _("System calls stay filtered (seccomp): leave this out."))


def _is_true(value: Tree) -> bool:
    return str(value).strip().lower() == "true"
