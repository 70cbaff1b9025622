"""The URLs that all open pages poll: unread count, notices, ping."""

from django.urls import path

from deployments.web.shell import live

urlpatterns = [
    path("notifications/unread/", live.unread, name="unread"),
    path("notice/", live.notice, name="notice"),
    path("ping/", live.ping, name="ping"),
]
