"""From the service-key file to an answered prediction and back to nothing, by HTTP alone, as any program does it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3

from tests.stack import running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack


def test_a_program_goes_the_whole_way() -> None:
    with running_stack() as stack:
        key = json.loads((stack.home / "service-key.json").read_text())
        http = urllib3.PoolManager(retries=False, timeout=20, ca_certs=str(stack.home / "tls" / "ca.pem"))
        token = http.request(
            "POST",
            f"{key['url']}/oauth/token",
            fields={"grant_type": "client_credentials"},
            encode_multipart=False,
            headers=urllib3.make_headers(basic_auth=f"{key['clientid']}:{key['clientsecret']}"),
        ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "AI-Resource-Group": "default"}

        def ask(method: str, path: str, body: object = None) -> Any:
            url = f"{key['serviceurls']['AI_API_URL']}/v2{path}"
            answer = http.request(method, url, headers=headers, json=body)
            assert answer.status < 300, (method, path, answer.data)
            return answer.json()

        assert ask("GET", "/lm/meta")["aiApi"]["capabilities"]["userDeployments"] is True
        scenarios = [scenario["id"] for scenario in ask("GET", "/lm/scenarios")["resources"]]
        assert "custom-server" in scenarios
        (executable,) = ask("GET", "/lm/scenarios/custom-server/executables")["resources"]
        configuration = ask(
            "POST",
            "/lm/configurations",
            {
                "name": "Hello",
                "scenarioId": "custom-server",
                "executableId": executable["id"],
                "parameterBindings": [{"key": "minReplicas", "value": "1"}],
            },
        )["id"]
        pk = ask("POST", "/lm/deployments", {"configurationId": configuration, "ttl": "2h"})["id"]

        def status() -> str:
            return str(ask("GET", f"/lm/deployments/{pk}?$select=status")["status"])

        wait_until(lambda: status() == "RUNNING", timeout=60, what="it runs", pause=0.1)
        told = ask("GET", f"/lm/deployments/{pk}")
        assert told["details"]["scaling"]["backendDetails"]["runningReplicas"] == 1
        assert told["details"]["resources"]["backendDetails"]["predictor"]["resourcePlan"] == "nano"
        assert told["latestRunningConfigurationId"] == configuration
        assert {"submissionTime", "startTime", "statusDetails"} <= told.keys()

        prediction = http.request("POST", f"{told['deploymentUrl']}/predict", headers=headers, body=b"flowers")
        assert prediction.json() == {"path": "/predict", "body": "flowers"}

        lines = ask("GET", f"/lm/deployments/{pk}/logs?$order=desc&$top=5000")["data"]["result"]
        assert any("Listening on" in line["msg"] for line in lines)
        ask("PATCH", f"/lm/deployments/{pk}", {"targetStatus": "STOPPED"})
        wait_until(lambda: status() == "STOPPED", timeout=60, what="it has ended", pause=0.1)
        ask("DELETE", f"/lm/deployments/{pk}")
        wait_until(
            lambda: ask("GET", "/lm/deployments")["count"] == 0, timeout=60, what="nothing of it is left", pause=0.1
        )
