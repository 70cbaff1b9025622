"""The URLs of sign-in, user settings, help and notifications."""

from django.urls import path

from deployments.web.accounts import notifications, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/<str:token>/", views.sign_in_link, name="sign-in-link"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("appearance/", views.appearance, name="appearance"),
    path("language/", views.language, name="language"),
    path("shortcuts/", views.shortcuts, name="shortcuts"),
    path("help/", views.help_page, name="help"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("workspace/", views.workspace, name="workspace"),
    path("password/", views.password, name="password"),
]
