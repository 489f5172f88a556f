"""The recurrent network: one bidirectional GRU a sequence stream, joined with the conditions."""
