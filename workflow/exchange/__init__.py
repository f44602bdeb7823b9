"""What comes in from elsewhere and what is handed out: files other people define."""
