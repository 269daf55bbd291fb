"""The plot of a night, panel by panel."""
