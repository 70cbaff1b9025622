"""All addresses: pages, admin site, tokens and health."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("deployments.api.urls")),
    path("", include("deployments.web.urls")),
]
