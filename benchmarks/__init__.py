"""How fast kakehashi is beside other recognizers: ``python -m benchmarks``."""
