"""Recognition of bills: arrays and dataclasses in, dataclasses out. Imports neither Dagster nor SQLAlchemy."""
