"""Addresses that open pages ask on their own: the unread count, the notice, whether the server is there."""

from django.urls import path

from deployments.web.shell import live

urlpatterns = [
    path("notifications/unread/", live.unread, name="unread"),
    path("notice/", live.notice, name="notice"),
    path("ping/", live.ping, name="ping"),
]
