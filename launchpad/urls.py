"""All URLs: pages, admin site, tokens and health."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

if settings.LAUNCHPAD_OIDC_ISSUER:
    openid = [path("sign-in/", include("allauth.socialaccount.providers.openid_connect.urls"))]
else:
    openid = []

urlpatterns = [
    *openid,
    path("admin/", admin.site.urls),
    path("", include("deployments.api.urls")),
    path("", include("deployments.web.urls")),
]

handler500 = "deployments.web.shell.failure.failed"
