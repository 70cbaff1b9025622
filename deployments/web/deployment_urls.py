"""Addresses of the pages about deployments."""

from django.urls import path

from deployments.web.views import (
    deployment_actions,
    deployment_capacity,
    deployment_create,
    deployment_details,
    deployment_list,
    deployment_list_tools,
    deployment_logs,
    deployment_try,
)

urlpatterns = [
    path("", deployment_list.deployment_list, name="deployments"),
    path("rows/", deployment_list.deployment_rows, name="deployment-rows"),
    path("bulk/", deployment_list.deployment_bulk, name="deployment-bulk"),
    path("columns/", deployment_list_tools.deployment_columns, name="deployment-columns"),
    path("download/", deployment_list_tools.deployment_download, name="deployment-download"),
    path("views/", deployment_list_tools.deployment_view_save, name="deployment-view-save"),
    path("views/<int:view_id>/delete/", deployment_list_tools.deployment_view_delete, name="deployment-view-delete"),
    path("create/", deployment_create.deployment_create, name="deployment-create"),
    path("<str:deployment_id>/", deployment_details.deployment_overview, name="deployment"),
    path("<str:deployment_id>/status/", deployment_details.deployment_status, name="deployment-status"),
    path("<str:deployment_id>/scaling/", deployment_capacity.deployment_scaling, name="deployment-scaling"),
    path("<str:deployment_id>/resources/", deployment_capacity.deployment_resources, name="deployment-resources"),
    path("<str:deployment_id>/events/", deployment_details.deployment_events, name="deployment-events"),
    path("<str:deployment_id>/facts/", deployment_details.deployment_facts, name="deployment-facts"),
    path("<str:deployment_id>/logs/", deployment_logs.deployment_logs, name="deployment-logs"),
    path(
        "<str:deployment_id>/logs/download/", deployment_logs.deployment_log_download, name="deployment-log-download"
    ),
    path("<str:deployment_id>/update/", deployment_actions.deployment_update, name="deployment-update"),
    path("<str:deployment_id>/stop/", deployment_actions.deployment_stop, name="deployment-stop"),
    path("<str:deployment_id>/delete/", deployment_actions.deployment_delete, name="deployment-delete"),
    path("<str:deployment_id>/roll-back/", deployment_actions.deployment_roll_back, name="deployment-roll-back"),
    path("<str:deployment_id>/try/", deployment_try.deployment_try, name="deployment-try"),
    path("<str:deployment_id>/token/", deployment_try.deployment_token, name="deployment-token"),
]
