"""What makes it faster and stands on other people's private names."""
