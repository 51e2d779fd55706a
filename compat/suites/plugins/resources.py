"""locust_plugins.users.resource: what a page embeds is fetched with it."""

from locust_plugins.users.resource import FastHttpUserWithResources, HttpUserWithResources

from locust import constant, task


class Plain(HttpUserWithResources):
    wait_time = constant(0.2)
    fixed_count = 1

    @task
    def page(self):
        self.client.get("/", name="plain")
        self.client.get("/", name="plain alone", include_resources=False)


class Fast(FastHttpUserWithResources):
    wait_time = constant(0.2)
    fixed_count = 1
    bundle_resource_stats = False
    default_resource_filter = r".*\.(js|png)"

    @task
    def page(self):
        self.client.get("/", name="fast")
