"""What the pages do, as plain functions: a store and a user in, things to show out."""
