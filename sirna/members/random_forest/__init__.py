"""The random forest on counts of short words, for small tables."""
