"""The word process: a Gaussian process on counts of short words, for small tables."""
