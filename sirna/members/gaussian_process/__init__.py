"""The Gaussian process: a row is predicted from the training rows most like it."""
