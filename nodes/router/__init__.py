"""The router: fans orders out, collects what comes back, shows the mesh to frontends."""
