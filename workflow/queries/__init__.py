"""What people look at: one frozen value per page. Rows stay inside; every query on cases begins with `policy`."""
