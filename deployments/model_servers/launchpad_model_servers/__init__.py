"""Model servers to be run as `python -m launchpad_model_servers.NAME`, each by itself.

They run in the environment or image of a deployment, so they import nothing of Launchpad. All listen on the address in
the environment variable HOST and the port in PORT, by default 127.0.0.1 and 8080.
"""
