"""Posts and users over a JSONPlaceholder-like backend."""
