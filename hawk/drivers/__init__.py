"""Device families: one pure file each. A new one needs this file and an entry point."""
