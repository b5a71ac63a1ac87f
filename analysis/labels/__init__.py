"""Labels: datasets from SQL, classifiers that learn from them, and what people say of both."""
