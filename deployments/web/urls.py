"""The URLs of the pages, included from the folder of each noun."""

from django.urls import include, path

urlpatterns = [
    path("", include("deployments.web.overview.urls")),
    path("", include("deployments.web.accounts.urls")),
    path("", include("deployments.web.shell.urls")),
    path("scenarios/", include("deployments.web.scenarios.urls")),
    path("configurations/", include("deployments.web.configurations.urls")),
    path("artifacts/", include("deployments.web.artifacts.urls")),
    path("deployments/", include("deployments.web.deployments.urls")),
    path("administration/", include("deployments.web.administration.urls")),
]
