"""The open-loop load rig and its honest percentiles."""
