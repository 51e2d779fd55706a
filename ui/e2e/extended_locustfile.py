"""A test that adds to the page, as Locust's manual does, and one with very many names."""

from flask import Blueprint, request

from locust import User, constant, events, task

NAMES = 3000


@events.init.add_listener
def extend(environment, web_ui, **kwargs):
    if web_ui is None:
        return
    added = Blueprint("added", "extended_locustfile")
    web_ui.template_args |= {
        "extended_tabs": [{"title": "Content length", "key": "content-length"}],
        "extended_tables": [
            {
                "key": "content-length",
                "structure": [
                    {"key": "name", "title": "Name"},
                    {"key": "content_length", "title": "Total content length"},
                ],
            }
        ],
        "extended_csv_files": [{"href": "/content-length/csv", "title": "Content length"}],
    }

    @added.after_app_request
    def with_lengths(response):
        if request.path == "/stats/requests":
            rows = [{"name": "a_b_c", "content_length": 12345}]
            body = response.json | {"extended_stats": [{"key": "content-length", "data": rows}]}
            response.set_data(web_ui.app.json.dumps(body))
        return response

    @added.route("/content-length/csv")
    def lengths():
        return "name,content_length\na_b_c,12345\n", 200, {"Content-Type": "text/csv"}

    web_ui.app.register_blueprint(added)


class Named(User):
    wait_time = constant(1)

    @task
    def very_many(self):
        for number in range(NAMES):
            self.environment.events.request.fire(
                request_type="ITEM",
                name=f"/item/{number:04}",
                response_time=number % 97,
                response_length=number,
                exception=ValueError("every hundredth") if number % 100 == 0 else None,
                context={},
            )
