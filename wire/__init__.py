"""What agent and collector say to each other: messages, batches and their limits."""
