"""`hawk doctor`: what keeps the service from working here, layer by layer, and what to do."""
