"""Addresses of the pages. Those about deployments have a module of their own."""

from django.urls import include, path

from deployments.web.views import (
    access,
    artifacts,
    configuration_wizard,
    configurations,
    live,
    notifications,
    overview,
    scenarios,
)

urlpatterns = [
    path("sign-in/", access.sign_in, name="sign-in"),
    path("sign-in/<str:token>/", access.sign_in_link, name="sign-in-link"),
    path("sign-out/", access.sign_out, name="sign-out"),
    path("appearance/", access.appearance, name="appearance"),
    path("language/", access.language, name="language"),
    path("shortcuts/", access.shortcuts, name="shortcuts"),
    path("help/", access.help_page, name="help"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/unread/", live.unread, name="unread"),
    path("notice/", live.notice, name="notice"),
    path("ping/", live.ping, name="ping"),
    path("workspace/", access.workspace, name="workspace"),
    path("", overview.overview, name="overview"),
    path("overview/state/", overview.overview_state, name="overview-state"),
    path("scenarios/", scenarios.scenario_list, name="scenarios"),
    path("scenarios/<str:scenario_id>/", scenarios.scenario, name="scenario"),
    path("scenarios/<str:scenario_id>/templates/<str:executable_id>/", scenarios.template, name="template"),
    path("configurations/", configurations.configuration_list, name="configurations"),
    path("configurations/create/", configuration_wizard.configuration_create, name="configuration-create"),
    path("configurations/<uuid:configuration_id>/", configurations.configuration, name="configuration"),
    path("artifacts/", artifacts.artifact_list, name="artifacts"),
    path("artifacts/create/", artifacts.artifact_create, name="artifact-create"),
    path("artifacts/<uuid:artifact_id>/", artifacts.artifact, name="artifact"),
    path("artifacts/<uuid:artifact_id>/delete/", artifacts.artifact_delete, name="artifact-delete"),
    path("administration/", include("deployments.web.administration_urls")),
    path("password/", access.password, name="password"),
    path("deployments/", include("deployments.web.deployment_urls")),
]
