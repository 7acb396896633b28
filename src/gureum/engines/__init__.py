"""One room per port: what a service needs from the world outside the store."""
