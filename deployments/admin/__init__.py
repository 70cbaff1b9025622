"""The admin site: all objects for administrators, read-only where only the reconciler or operations may write."""

from deployments.admin import accounts, audit, catalog, configurations, deployments, service_keys, workspace

__all__ = ["accounts", "audit", "catalog", "configurations", "deployments", "service_keys", "workspace"]
