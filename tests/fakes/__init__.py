"""In-memory imitations of the servers that the reconciler talks to."""
