"""What people do: run, retry, hold, transfer, verify, restore, and files on their own."""
