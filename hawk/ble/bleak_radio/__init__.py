"""The radio of a real machine: BlueZ through bleak, which nothing else imports."""
