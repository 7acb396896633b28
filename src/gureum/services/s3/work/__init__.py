"""What S3 does by itself: expiring, replicating, notifying, reporting, logging."""
