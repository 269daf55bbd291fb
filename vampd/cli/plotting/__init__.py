"""The picture of a night, panel by panel."""
