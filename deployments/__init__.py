"""The Django app. ARCHITECTURE.md describes its packages; they import each other in one direction only."""
