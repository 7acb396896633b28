"""The IAM policy language, pure: parse, match, evaluate. Imports the standard library alone."""
