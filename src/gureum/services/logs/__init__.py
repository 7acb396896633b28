"""CloudWatch Logs: groups, streams, filters and queries over what programs write."""
