"""The Python interface: a trained model, and an estimator in the manner of scikit-learn."""
