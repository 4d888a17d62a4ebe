"""One file for the fleet, a folder for each host: what stands in a folder, what is checked, and the edits that add an account."""
