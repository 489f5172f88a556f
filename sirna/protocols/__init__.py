"""The protocols: which rows are kept together when rows are held out, and what follows from it."""
