"""Pictures: classify, search and generate them, built of the parts below."""
