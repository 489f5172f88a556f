"""Read and write the notations in which modified strands are published."""
