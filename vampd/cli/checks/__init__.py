"""What `vampctl doctor` examines: this machine, its services, and each destination."""
