"""What `seedbed new` begins with: a study of each kind, as files that work where they lie."""
