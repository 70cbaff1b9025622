"""The URLs for programs."""

from django.urls import path

from deployments.api.ai_api import api
from deployments.api.errors import not_offered
from deployments.api.health import health
from deployments.api.oauth import jwks, token

urlpatterns = [
    path("healthz", health, name="health"),
    path("oauth/token", token, name="oauth-token"),
    path("oauth/jwks", jwks, name="oauth-jwks"),
    path("v2", not_offered),
    path("v2/", not_offered),
    path("v2/", api.urls),
    path("v2/<path:rest>", not_offered),
]
