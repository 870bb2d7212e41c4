"""Gold and predicted entities to numbers."""
