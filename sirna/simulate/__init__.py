"""The embedded data set: a simulated competition whose truth is known."""
