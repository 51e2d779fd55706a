"""locust_plugins.connection_pools: a user's requests go over many sessions in turn."""

from locust_plugins.connection_pools import FastHttpPool, RequestPool

from locust import FastHttpUser, HttpUser, constant, task


class Fast(FastHttpUser):
    wait_time = constant(0.2)
    fixed_count = 1

    def __init__(self, environment):
        super().__init__(environment)
        self.pool = FastHttpPool(user=self)
        assert self.pool.size == 3

    @task
    def verbs(self):
        self.pool.get("/", name="fast get")
        self.pool.post("/post", data="x", name="fast post")
        with self.pool.rename_request("fast renamed"):
            self.pool.put("/put", data="x")


class Plain(HttpUser):
    wait_time = constant(0.2)
    fixed_count = 1

    def __init__(self, environment):
        super().__init__(environment)
        self.pool = RequestPool(user=self, size=2)

    @task
    def verbs(self):
        self.pool.get("/", name="plain get")
        self.pool.delete("/", name="plain delete")
        with self.pool.rename_request("plain renamed"):
            self.pool.options("/")
