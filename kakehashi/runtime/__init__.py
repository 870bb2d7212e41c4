"""From a model folder to mentions."""
