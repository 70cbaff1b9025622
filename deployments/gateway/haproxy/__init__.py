"""HAProxy: its program, its configuration and its control socket."""
