"""The URLs of the overview."""

from django.urls import path

from deployments.web.overview import views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("overview/state/", views.overview_state, name="overview-state"),
]
