"""The pages of deployments: list, details, wizard, update, logs, playground."""
