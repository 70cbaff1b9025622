"""The admin site: every object for administrators, read-only where only the loop or the operations may write."""

from deployments.admin import accounts, audit, catalog, configurations, deployments, service_keys, workspace

__all__ = ["accounts", "audit", "catalog", "configurations", "deployments", "service_keys", "workspace"]
