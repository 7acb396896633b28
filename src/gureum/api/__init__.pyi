"""Types of operations, a module per service: import under TYPE_CHECKING only."""
