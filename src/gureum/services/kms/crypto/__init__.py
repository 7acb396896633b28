"""The cryptography of KMS, pure: keys and messages in, bytes out; no records, requests or store."""
