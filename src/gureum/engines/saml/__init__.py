"""SAML 2.0: what an identity provider says of itself, and what it says of its users."""
