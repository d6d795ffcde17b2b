"""What the rivals run: the job, written as each of them documents it."""
