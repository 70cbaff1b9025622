"""The URLs of deployments."""

from django.urls import path

from deployments.web.deployments import actions, capacity, create, details, list_tools, listing, logs, playground

urlpatterns = [
    path("", listing.deployment_list, name="deployments"),
    path("rows/", listing.deployment_rows, name="deployment-rows"),
    path("bulk/", listing.deployment_bulk, name="deployment-bulk"),
    path("columns/", list_tools.deployment_columns, name="deployment-columns"),
    path("download/", list_tools.deployment_download, name="deployment-download"),
    path("views/", list_tools.deployment_view_save, name="deployment-view-save"),
    path("views/<int:view_id>/delete/", list_tools.deployment_view_delete, name="deployment-view-delete"),
    path("create/", create.deployment_create, name="deployment-create"),
    path("<str:deployment_id>/", details.deployment_overview, name="deployment"),
    path("<str:deployment_id>/status/", details.deployment_status, name="deployment-status"),
    path("<str:deployment_id>/scaling/", capacity.deployment_scaling, name="deployment-scaling"),
    path("<str:deployment_id>/resources/", capacity.deployment_resources, name="deployment-resources"),
    path("<str:deployment_id>/events/", details.deployment_events, name="deployment-events"),
    path("<str:deployment_id>/facts/", details.deployment_facts, name="deployment-facts"),
    path("<str:deployment_id>/logs/", logs.deployment_logs, name="deployment-logs"),
    path("<str:deployment_id>/logs/download/", logs.deployment_log_download, name="deployment-log-download"),
    path("<str:deployment_id>/update/", actions.deployment_update, name="deployment-update"),
    path("<str:deployment_id>/stop/", actions.deployment_stop, name="deployment-stop"),
    path("<str:deployment_id>/delete/", actions.deployment_delete, name="deployment-delete"),
    path("<str:deployment_id>/roll-back/", actions.deployment_roll_back, name="deployment-roll-back"),
    path("<str:deployment_id>/playground/", playground.deployment_playground, name="deployment-playground"),
    path("<str:deployment_id>/token/", playground.deployment_token, name="deployment-token"),
]
