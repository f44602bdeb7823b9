"""The clock's door: a process that looks for what is due, again and again."""
