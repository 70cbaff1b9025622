"""Who may do what: permissions and access tokens."""
