"""The endpoint with the capabilities and limits of this implementation of the AI API."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Router

from deployments.api.common import FAILURES

router = Router(tags=["Meta"], by_alias=True)
AI_API_VERSION = "2.42.0"


@router.get("/meta", response={200: dict[str, Any], **FAILURES})
def meta(request: HttpRequest) -> dict[str, Any]:
    return {
        "runtimeIdentifier": "launchpad",
        "runtimeApiVersion": AI_API_VERSION,
        "description": "Launchpad: deployments of model servers on machines of your own.",
        "aiApi": {
            "version": AI_API_VERSION,
            "capabilities": {
                "multitenant": False,
                "shareable": False,
                "staticDeployments": False,
                "userDeployments": True,
                "userExecutions": False,
                "timeToLiveDeployments": True,
                "executionSchedules": False,
                "logs": {"executions": False, "deployments": True},
                "bulkUpdates": {"executions": False, "deployments": True},
            },
            "limits": {
                "deployments": {"maxRunningCount": -1},
                "timeToLiveDeployments": {"minimum": "10m", "maximum": "3650d"},
            },
        },
        "extensions": {"resourceGroups": {"version": "1.0.0"}},
    }
