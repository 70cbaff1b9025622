"""What the card for trying a deployment shows: the template's sample request and snippets made of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from deployments.models import Generation
from deployments.recipes import unpack
from deployments.serving_template import Sample
from deployments.web.snippets import snippets
from deployments.web.try_it import METHODS


def try_context(
    generation: Generation | None, url: str, *, token: str = "", expires_at: datetime | None = None
) -> dict[str, Any]:
    """Return the card's values; without a sample or a URL there is nothing to try.

    Args:
        generation: whose recipe gives the sample.
        url: where it is served, `""` when it is not.
        token: to write into the snippets, with the time it expires.
    """
    sample = sample_of(generation)
    if sample is None:
        return {"sample": None}
    shown = snippets(url, sample, authority=authority_file(), token=token) if url else []
    return {
        "sample": sample,
        "methods": METHODS,
        "try_method": sample.method,
        "try_path": sample.path,
        "try_body": sample.body or "",
        "snippets": shown,
        "token_expires_at": expires_at,
    }


def sample_of(generation: Generation | None) -> Sample | None:
    """Return the request that a generation's template offers for trying: its sample, else its proof."""
    if generation is None or not generation.recipe:
        return None
    recipe = unpack(generation.recipe)
    if recipe.sample is not None:
        return recipe.sample
    proof = recipe.proof
    return Sample(method=proof.method, path=proof.path, body=proof.body, headers=proof.headers)


def authority_file() -> str:
    """Return the path of our own certificate authority, `""` when the gateway has a certificate of another."""
    if settings.LAUNCHPAD_TLS_CERT:
        return ""
    return str(Path(settings.LAUNCHPAD_HOME) / "tls" / "ca.pem")
