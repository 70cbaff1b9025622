"""The URLs of artifacts."""

from django.urls import path

from deployments.web.artifacts import views

urlpatterns = [
    path("", views.artifact_list, name="artifacts"),
    path("create/", views.artifact_create, name="artifact-create"),
    path("<uuid:artifact_id>/", views.artifact, name="artifact"),
    path("<uuid:artifact_id>/delete/", views.artifact_delete, name="artifact-delete"),
]
