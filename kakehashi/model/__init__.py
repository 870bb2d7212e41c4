"""The tagger and what moves its weights."""
