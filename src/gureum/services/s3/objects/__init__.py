"""Objects: writing, reading, copying, deleting, listing them, and what hangs on them."""
