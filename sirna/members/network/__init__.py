"""The recurrent network: a bidirectional GRU for each sequence stream, joined with conditions."""
