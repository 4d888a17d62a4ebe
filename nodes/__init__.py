"""The roles of the mesh, one core each, and the rules they share; everything here but io/ is pure."""
