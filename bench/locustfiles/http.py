from locust import HttpUser, task


class Hammer(HttpUser):
    @task
    def t(self):
        self.client.get("/")
