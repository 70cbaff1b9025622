"""The URLs of the administration."""

from django.urls import path

from deployments.web.administration import audit_log, connections, groups, keys, registry_secrets, secrets, users

urlpatterns = [
    path("connections/", connections.connection_list, name="connections"),
    path("connections/<str:name>/", connections.connection, name="connection"),
    path("groups/", groups.group_list, name="groups"),
    path("groups/create/", groups.group_create, name="group-create"),
    path("groups/<str:group_id>/change/", groups.group_change, name="group"),
    path("groups/<str:group_id>/delete/", groups.group_delete, name="group-delete"),
    path("users/", users.user_list, name="users"),
    path("users/create/", users.user_create, name="user-create"),
    path("users/<int:user_id>/", users.user_change, name="user"),
    path("users/<int:user_id>/sign-in-link/", users.user_link, name="user-link"),
    path("keys/", keys.key_list, name="keys"),
    path("keys/create/", keys.key_create, name="key-create"),
    path("keys/<int:key_id>/revoke/", keys.key_revoke, name="key-revoke"),
    path("secrets/", secrets.secret_list, name="secrets"),
    path("secrets/create/", secrets.secret_create, name="secret-create"),
    path("secrets/registry/create/", registry_secrets.registry_secret_create, name="secret-registry-create"),
    path("secrets/<int:secret_id>/", secrets.secret_replace, name="secret"),
    path("secrets/<int:secret_id>/delete/", secrets.secret_delete, name="secret-delete"),
    path("audit-log/", audit_log.audit_log, name="audit-log"),
    path("audit-log/download/", audit_log.audit_download, name="audit-download"),
]
