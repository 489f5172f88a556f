"""Pages for people: what a run achieved, where it fails, and how runs compare."""
