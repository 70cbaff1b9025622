"""Pictures of the main pages, made of a real installation: `make screenshots`.

They land in `.cache/screenshots`, light, dark and mobile; the one that the README shows is written to
`static/img/deployment.png`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page

from launchpad.home import BASE_DIR
from tests.browser import chromium
from tests.person import Caller, Person, make_configurations, path_of
from tests.stack import Stack, running_stack
from tests.waiting import wait_until

TARGET = Path(BASE_DIR) / ".cache" / "screenshots"
README = Path(BASE_DIR) / "static" / "img" / "deployment.png"
VIEWS: Mapping[str, dict[str, object]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "mobile": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "is_mobile": True},
}
_SAMPLES = """
from deployments.runtimes.local.options import everything_here
from deployments.models import Configuration, ResourcePlan
print(f"nano={ResourcePlan.objects.get(pk='nano').memory_bytes}")
print(f"memory={everything_here().nodes()[0].resources.memory_bytes}")
for name, pk in Configuration.objects.values_list("name", "pk"):
    print(f"{name}={pk}")
"""


def main() -> int:
    TARGET.mkdir(parents=True, exist_ok=True)
    with running_stack(LAUNCHPAD_SAMPLES="1") as stack, chromium() as browser:
        pages = _prepare(stack)
        for view, options in VIEWS.items():
            _shoot(stack, browser, view, options, pages)
    README.parent.mkdir(exist_ok=True)
    shutil.copy(TARGET / "light-deployment.png", README)
    sys.stdout.write(f"{len(list(TARGET.glob('*.png')))} pictures are in {TARGET}.\n")
    return 0


def _prepare(stack: Stack) -> dict[str, str]:
    """Make deployments in every state and return name -> path of the pages to show."""
    wait_until(lambda: "Sample models are ready." in stack.output, timeout=600, what="the samples are ready")
    found = dict(
        line.rsplit("=", 1)
        for line in stack.manage("shell", "--no-imports", "-c", _SAMPLES).splitlines()
        if "=" in line
    )
    # More than the others leave, yet not more than there is in all, which would be refused.
    plan = int(found["nano"])
    all_there_is = str(int(found["memory"]) // plan)
    made = make_configurations(
        stack,
        broken={"command": "python3 -c \"raise RuntimeError('the weights do not fit this model')\""},
        waiting={"minReplicas": all_there_is, "maxReplicas": all_there_is},
        echo={"minReplicas": "2"},
    )
    person = Person(stack)
    dead, waiting, echo = (person.create(made[name]) for name in ("broken", "waiting", "echo"))
    shown = person.create(found["Breast cancer, random forest"])
    person.create(found["Wine, logistic regression (ONNX)"])
    for deployment in (shown, echo):
        wait_until(lambda pk=deployment: stack.status(pk) == "RUNNING", timeout=300, what="it runs")  # type: ignore[misc]
    person.stop(stopped := person.create(made["echo"]))
    wait_until(lambda: stack.status(stopped) == "STOPPED", timeout=60, what="it has ended")
    wait_until(lambda: stack.status(dead) == "DEAD", timeout=120, what="it has failed")
    assert Caller(stack).status(echo) == 200, path_of(echo)
    details = f"deployments/{shown}/"
    return {
        "overview": "",
        "deployments": "deployments/",
        "deployment": details,
        "deployment-status": f"{details}status/",
        "deployment-scaling": f"{details}scaling/",
        "deployment-resources": f"{details}resources/",
        "deployment-logs": f"{details}logs/",
        "deployment-dead": f"deployments/{dead}/",
        "deployment-waiting": f"deployments/{waiting}/",
        "scenarios": "scenarios/",
        "template": "scenarios/tabular-prediction/templates/sklearn-server/",
        "configurations": "configurations/",
        "configuration": f"configurations/{found['Breast cancer, random forest']}/",
        "artifacts": "artifacts/",
        "create": "deployments/create/",
        "create-configuration": f"configurations/create/?executable={quote('sklearn-server')}",
        "update": f"{details}update/",
        "groups": "administration/groups/",
        "users": "administration/users/create/",
        "keys": "administration/keys/",
        "secrets": "administration/secrets/create/",
        "audit-log": "administration/audit-log/",
    }


def _shoot(stack: Stack, browser: Browser, view: str, options: Mapping[str, object], pages: Mapping[str, str]) -> None:
    context = browser.new_context(**options)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{stack.base_url}/sign-in/")
    page.screenshot(path=TARGET / f"{view}-sign-in.png")
    page.fill("input[name=username]", "admin")
    page.fill("input[name=password]", (stack.home / "admin-password").read_text().strip())
    page.press("input[name=password]", "Enter")
    page.wait_for_url(f"{stack.base_url}/")
    for name, path in pages.items():
        page.goto(f"{stack.base_url}/{path}")
        if name == "deployment":
            _try(page)
        page.screenshot(path=TARGET / f"{view}-{name}.png")
    context.close()


def _try(page: Page) -> None:
    """Send the sample request, so that the card shows an answer."""
    page.get_by_role("button", name="Send").click()
    page.get_by_text("200", exact=False).first.wait_for()
    page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    sys.exit(main())
