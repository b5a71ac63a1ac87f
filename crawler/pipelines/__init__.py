"""Item pipelines: check records, store images, record outcomes."""
