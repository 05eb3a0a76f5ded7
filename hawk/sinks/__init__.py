"""Where readings leave: each sink reads the log behind a cursor of its own."""
