"""KMS: keys made, kept and used without leaving the house."""
