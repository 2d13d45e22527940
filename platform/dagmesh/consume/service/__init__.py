"""The query service: products over HTTP, each statement run by a worker process that can touch nothing but its permitted slice."""
