"""A recognizer behind HTTP: routes, limits, batches, metrics, a page; never torch."""
