"""Works that do not belong: how far each image lies from the others, by three methods."""
