"""The URLs of scenarios and their deployment templates."""

from django.urls import path

from deployments.web.scenarios import views

urlpatterns = [
    path("", views.scenario_list, name="scenarios"),
    path("<str:scenario_id>/", views.scenario, name="scenario"),
    path("<str:scenario_id>/templates/<str:executable_id>/", views.template, name="template"),
]
