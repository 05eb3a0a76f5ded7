"""How fast, how small: `python -m tests.benchmarks [ROW ...]`. Figures, never failures."""
