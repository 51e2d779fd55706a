from locust import FastHttpUser, task


class Hammer(FastHttpUser):
    @task
    def t(self):
        self.client.get("/")
