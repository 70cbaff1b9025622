"""The URLs of the administration."""

from django.urls import path

from deployments.web.administration import (
    audit_log,
    connection_changes,
    connection_images,
    connections,
    groups,
    keys,
    registry_secrets,
    secrets,
    users,
)

urlpatterns = [
    path("connections/", connections.connection_list, name="connections"),
    path("connections/<str:name>/", connections.connection, name="connection"),
    path("connections/<str:name>/change/", connection_changes.connection_change, name="connection-change"),
    path("connections/<str:name>/enabled/", connection_changes.connection_enabled, name="connection-enabled"),
    path("connections/<str:name>/delete/", connection_changes.connection_delete, name="connection-delete"),
    path("connections/<str:name>/images/", connection_images.connection_images, name="connection-images"),
    path(
        "connections/<str:name>/images/remove/",
        connection_images.connection_images_remove,
        name="connection-images-remove",
    ),
    path("add-connection/", connection_changes.connection_add, name="connection-add"),
    path("connection-test/<str:inquiry_id>/", connection_changes.connection_test, name="connection-test"),
    path("connection-offers/<int:offer_id>/add/", connection_changes.offer_add, name="connection-offer-add"),
    path(
        "connection-offers/<int:offer_id>/dismiss/", connection_changes.offer_dismiss, name="connection-offer-dismiss"
    ),
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
