"""locust_plugins.users.ftp against a server on loopback."""

import tempfile

from locust_plugins.users.ftp import FtpUser

from locust import constant, task


class Carrier(FtpUser):
    wait_time = constant(0.3)

    def on_start(self):
        self.client.connect(user="user", password="word", port=2199, passive_mode=True)

    @task
    def fetch_and_bring(self):
        folder = tempfile.mkdtemp()
        local = self.client.download_file("there.txt", folder)
        with open(local) as file:
            print("GOT", file.read())
        with open("upload.txt", "w") as file:
            file.write("x")
        remote = self.client.upload_file("upload.txt")
        self.client.delete_file(remote)
        self.client.download_file("absent.txt", folder)

    def on_stop(self):
        self.client.disconnect()
