"""What servers need before they start, made with the rights of a server: environments, downloads, trained models."""
