"""The runtime of this machine: processes, with a shim beside each.

Nothing is imported here: the shim imports modules of this package, and each import costs memory for each server.
"""
