"""One package per AWS service, named as botocore names it, all of the same shape."""
