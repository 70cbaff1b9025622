"""Who is signed in and how: sign-in, password, the reader's own choices, notifications."""
