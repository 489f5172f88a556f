"""The Gaussian process: it predicts a row from the training rows most similar to it."""
