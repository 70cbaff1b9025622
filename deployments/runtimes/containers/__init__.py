"""The runtime of containers: an engine that speaks the Docker Engine API (Docker 20.10 or Podman 4, and newer)."""
