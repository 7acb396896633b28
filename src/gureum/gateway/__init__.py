"""Bytes to call to bytes: HTTP, routing, signatures, authorisation, the wire protocols and the trail."""
