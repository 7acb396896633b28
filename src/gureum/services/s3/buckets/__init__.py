"""Buckets and their configuration."""
