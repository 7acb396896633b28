"""Reading documents from web servers: what an identity provider publishes about itself."""
