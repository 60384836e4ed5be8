"""Several processes that train one net, and the signals that end them."""
