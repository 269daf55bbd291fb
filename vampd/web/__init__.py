"""The page that browsers look at: a process of its own, which reads the database and no more."""
