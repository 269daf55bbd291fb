"""What vampd costs, measured against its limits and, where there is one, beside a peer."""
