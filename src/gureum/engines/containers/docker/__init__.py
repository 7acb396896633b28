"""The driver for Docker and Podman, through the API that both serve on a unix socket."""
