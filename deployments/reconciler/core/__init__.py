"""Pure decisions of the reconciler: observed state in, actions out. Imports nothing that does I/O."""
