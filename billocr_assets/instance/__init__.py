"""Parts of a Dagster instance on one machine, named in ``deploy/dagster.yaml``."""
