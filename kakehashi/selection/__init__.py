"""What to annotate next."""
