"""TSCR: tumours drawn to measure; being built."""
