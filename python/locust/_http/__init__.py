"""The Python side of the HTTP clients: what `locust.clients` and `locust.contrib.fasthttp` are made of.

session          what both sessions share
verdict          what both kinds of response share: how a request is counted, the with-block
response         the response of `HttpUser.client`, and what is made of it when a script looks at it
raw              an answer as urllib3 shows it
adapter          requests' last step, the transfer, over the engine's connections
fast_response    the responses of `FastHttpUser.client`
fast_agent       geventhttpclient's user agent, for what only it can send
cookies          jars over the engine's cookies
arguments        forms and queries as the libraries encode them
failures         the libraries' exceptions for the engine's failures
"""
