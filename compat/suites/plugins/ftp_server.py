"""pyftpdlib's server on port 2199, for ftp.py: anybody may read and write in a folder that is removed afterwards."""

import tempfile
from pathlib import Path

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

folder = tempfile.mkdtemp()
(Path(folder) / "there.txt").write_text("content")
FTPHandler.authorizer = DummyAuthorizer()
FTPHandler.authorizer.add_user("user", "word", folder, perm="elradfmw")
FTPServer(("127.0.0.1", 2199), FTPHandler).serve_forever()
