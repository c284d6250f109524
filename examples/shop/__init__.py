"""The shop: five REST services with their own habits, woven into one graph."""
