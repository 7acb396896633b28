"""The rules of the house, one family a module. Each is a function from sources to findings."""
