"""Behind `locust.web` and `locust.html`: what the native server asks Python for, and the Flask app beside it.

| Module | What it does |
|---|---|
| `recording` | what the recorder, the server and reports are told about the run: its state, parameters and exceptions |
| `swarm` | the form that starts and edits a test |
| `page` | what the start page is filled with |
| `host` | answers the server's questions, each in a greenlet of its own |
| `views` | the built-in routes once more as Flask views, for scripts that hook into them |
| `bridge` | the Flask app: made when a script touches it, answers what the server does not |
| `templates` | the built pages as Jinja templates |
| `address` | how the server is reached |

The server itself (sockets, endpoints, live stream, security) is native: `crates/web`.
"""
