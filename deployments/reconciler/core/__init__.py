"""Pure decisions of the reconciler: observed state in, actions out. Imports nothing that talks to anybody."""
