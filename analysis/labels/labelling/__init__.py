"""Labels of images by the classifiers in use."""
