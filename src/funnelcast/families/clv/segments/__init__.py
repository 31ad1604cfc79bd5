"""What customers are worth by how they were won and how many channels they use."""
