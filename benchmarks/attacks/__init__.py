"""Attacks on what the program promises: run by hand, figures in the notes of a release."""
