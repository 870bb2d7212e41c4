"""Scripts that attack the program with damaged input, kills and faults, and count what it did."""
