"""What ``mesh doctor`` looks at, one noun a file: each check gives findings and changes nothing."""
