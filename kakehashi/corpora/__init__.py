"""Files to sentences and back: one file per format, and one line each in `formats`."""
