"""Frozen multilingual encoders: states of tokens in their sentences."""
