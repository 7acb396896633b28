"""The driver without an engine: containers in bubblewrap sandboxes, each task under a supervisor of its own.

`driver.py` is the server's side; `launcher.py`, `supervisor.py`, `sandbox.py`, `enter.py`, `relay.py` and
`wire.py` run in the supervisor's process, on the standard library alone, and outlive the server.
"""
