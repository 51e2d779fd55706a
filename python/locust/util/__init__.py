"""Small pure helpers. Plugins import them by name, so the modules and signatures are Locust's."""
