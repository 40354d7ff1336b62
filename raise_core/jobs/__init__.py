"""Work in the background: a worker process of its own, a ledger anybody can read, cancel, and resume after a kill."""
