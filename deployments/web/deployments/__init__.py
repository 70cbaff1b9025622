"""The pages about deployments: list, details, wizard, update, logs, playground."""
