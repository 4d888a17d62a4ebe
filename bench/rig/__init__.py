"""A real mesh to be measured: real nodes on real sockets, with a market, a source and a venue that do nothing but what is asked."""
