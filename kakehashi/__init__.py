"""Bootstrap a named-entity recognizer for a new language from one that already works."""

__version__ = "0.1.0"
