"""Decide yourself what counts as a failure: by content, by time, or a 404 that is expected."""

from locust import HttpUser, between, task


class Critic(HttpUser):
    wait_time = between(1, 2)

    @task
    def home_must_list_posts(self):
        with self.client.get("/", catch_response=True) as response:
            if b"article-title" not in response.content:
                response.failure("no posts on the home page")
            elif response.elapsed.total_seconds() > 0.5:
                response.failure("slower than half a second")

    @task
    def missing_page_is_fine(self):
        with self.client.get("/post/999999", name="/post/[missing]", catch_response=True) as response:
            if response.status_code == 404:
                response.success()

    @task
    def error_page_counts_as_failure(self):
        self.client.get("/error")
