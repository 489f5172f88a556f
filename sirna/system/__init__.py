"""What the operating system gives: files written whole, signals, the computing device."""
