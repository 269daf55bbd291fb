"""What people asked and were told: requests with their answers, mailings, the alarm."""
