"""The gateway: what HAProxy has to route, how it is told, and the access tokens that it accepts."""
