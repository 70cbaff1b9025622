"""Removes resource groups that were deleted with all their content, once their deployments are gone."""

from __future__ import annotations

import logging

from django.db import transaction

from deployments.models import Artifact, Configuration, ResourceGroup
from deployments.storage.artifacts import artifact_store

logger = logging.getLogger(__name__)


def remove_emptied_groups() -> None:
    """Delete the groups marked for deletion that have no deployments any more, with their other content."""
    for group in ResourceGroup.objects.filter(deleting_since__isnull=False, deployments=None):
        with transaction.atomic():
            artifacts = list(Artifact.objects.filter(resource_group=group))
            Configuration.objects.filter(resource_group=group).delete()
            Artifact.objects.filter(resource_group=group).delete()
            group.delete()
        for artifact in artifacts:
            artifact_store().delete(str(artifact.pk))
        logger.info("The resource group %s was deleted with all its content.", group.pk)
