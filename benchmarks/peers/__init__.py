"""The recognizers under measurement."""
