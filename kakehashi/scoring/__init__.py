"""Scores of predicted entities against gold ones, and what their differences mean."""
