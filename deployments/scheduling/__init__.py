"""Capacity arithmetic, scheduling, and the conversion of a configuration to a ServerSpec and ReplicaSpec."""
