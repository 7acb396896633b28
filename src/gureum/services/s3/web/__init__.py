"""S3 for browsers: CORS, forms, web sites, hosts."""
