"""What people look at: nights, plans, sums, pictures; nothing here changes anything."""
