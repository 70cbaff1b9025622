"""Addresses for programs."""

from django.urls import path

from deployments.api.health import health

urlpatterns = [path("healthz", health, name="health")]
