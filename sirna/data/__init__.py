"""Reading, checking, splitting and encoding of tables; knows no model."""
