"""The protocols: they decide which rows are held out together, and what may be read of a row."""
