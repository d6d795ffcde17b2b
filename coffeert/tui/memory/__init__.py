"""What has been seen: kept in memory to rewind, or in a file to replay."""
