"""Sentences to tensors."""
