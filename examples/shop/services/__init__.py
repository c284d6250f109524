"""The backends of the shop. Each is its own application with its own database, spelling and way to authenticate."""
