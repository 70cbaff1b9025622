"""Sign-in, passwords, user settings and notifications."""
