"""Django's registration of the app and of its admin site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class DeploymentsConfig(AppConfig):
    name = "deployments"
    verbose_name = "Launchpad"
    default = True

    def ready(self) -> None:
        from deployments import (
            checks,  # noqa: F401  registers system checks
            reasons,  # noqa: F401  declares those of the control plane
        )
        from deployments.models import lock_timeout  # noqa: F401  connects a receiver
        from deployments.runtimes import registry

        registry.declare_reasons()
        from deployments.web.accounts import sign_ins  # noqa: F401  connects its receivers


class AdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "deployments.admin_site.LaunchpadAdminSite"
