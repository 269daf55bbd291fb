"""Commands that show: nights, plans, sums, plots; nothing here changes anything."""
