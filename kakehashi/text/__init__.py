"""Strings in, strings out: segmentation, romanization, views, n-grams."""
