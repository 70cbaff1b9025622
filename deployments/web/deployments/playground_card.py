"""The content of the playground's card: the template's sample request, and snippets of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from deployments.errors import InvalidInput
from deployments.gateway.endpoint import inference_url
from deployments.queries.deployment_details import DeploymentState
from deployments.scheduling.server_specs import from_dict, server_spec_of
from deployments.serving_template import Sample, TemplateInvalid
from deployments.web.deployments.playground_request import METHODS
from deployments.web.deployments.snippets import snippets


def playground_context(
    state: DeploymentState, *, token: str = "", expires_at: datetime | None = None
) -> dict[str, Any]:
    """Return the context of the card; `sample` is None when the template has no request.

    The snippets are rendered before the URL works, so that the page need not be loaded again for them.

    Args:
        token: to put into the snippets; `expires_at` is its expiry.
    """
    sample = sample_of(state)
    if sample is None:
        return {"sample": None}
    address = inference_url(state.deployment.pk)
    subject = state.serving or state.newest
    snippet_list = [] if state.is_ending else snippets(address, sample, authority=authority_file(), token=token)
    return {
        "sample": sample,
        "playground_version": f"{subject.number if subject else 0}-{int(state.is_ending)}",
        "methods": METHODS,
        "playground_method": sample.method,
        "playground_path": sample.path,
        "playground_body": sample.body or "",
        "snippets": snippet_list,
        "token_expires_at": expires_at,
    }


def sample_of(state: DeploymentState) -> Sample | None:
    """Return the template's sample request, else its readiness check; None when the template is not valid."""
    generation = state.serving or state.newest
    has_begun = generation is not None and generation.pk is not None
    if generation is not None and has_begun and not generation.server_spec:
        return None
    try:
        server_spec = (
            from_dict(generation.server_spec)
            if generation and has_begun
            else server_spec_of(state.deployment.configuration)
        )
    except (TemplateInvalid, InvalidInput):  # the first reconcile will report it
        return None
    if server_spec.sample is not None:
        return server_spec.sample
    check = server_spec.readiness_check
    return Sample(method=check.method, path=check.path, body=check.body, headers=check.headers)


def authority_file() -> str:
    """Return the path of the local certificate authority, `""` when the certificate is from another one."""
    if settings.LAUNCHPAD_TLS_CERT:
        return ""
    return str(Path(settings.LAUNCHPAD_HOME) / "tls" / "ca.pem")
