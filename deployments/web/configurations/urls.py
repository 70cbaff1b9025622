"""The URLs of configurations."""

from django.urls import path

from deployments.web.configurations import views, wizard

urlpatterns = [
    path("", views.configuration_list, name="configurations"),
    path("create/", wizard.configuration_create, name="configuration-create"),
    path("<uuid:configuration_id>/", views.configuration, name="configuration"),
]
