"""Business products (ERP) of the settings, each as its pack describes it."""
