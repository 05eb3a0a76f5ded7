"""`python -m hawk` is `hawk`."""

from hawk.cli.main import main

main(prog_name="hawk")
