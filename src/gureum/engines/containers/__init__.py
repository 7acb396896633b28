"""Running containers: the port, its drivers for Docker or Podman and for the bubblewrap sandbox."""
