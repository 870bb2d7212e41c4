"""Files to sentences and back."""
