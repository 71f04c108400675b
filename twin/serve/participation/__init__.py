"""Comments, votes, surveys and saved ideas: kept without accounts, cookies or addresses, and deleted in time."""
