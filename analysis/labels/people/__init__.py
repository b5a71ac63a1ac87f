"""What people say of labels, and what they had better look at."""
