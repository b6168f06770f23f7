"""The toolkit of pages: what people see of a node, made on the server."""
