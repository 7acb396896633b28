"""What each `gureum` command does. A command takes the parsed line and returns the exit code."""


class Refused(Exception):
    """A command that cannot be done; the text says why and what to do. Printed without a traceback."""
