"""A small HTTP server for the tests of src/net: python3 server.py FOLDER

It speaks lines with the test over its stdin and stdout:
  ports      {"http": n, "https": n, "closed": n}: nobody listens on the last; FOLDER/ca.pem signs https
  requests   [{"method", "path", "headers", "body"}] since it was asked last

What it answers is said by the path: see Handler."""
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading

requests, lock = [], threading.Lock()
stop = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def note(self):
        n = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(n).decode("utf-8", "replace")
        with lock:
            requests.append({"method": self.command, "path": self.path,
                             "headers": {k.lower(): v for k, v in self.headers.items()}, "body": body})

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_any(self):
        self.note()
        path = self.path.split("?")[0]
        try:
            if path == "/large":  # says so
                self.answer(200, b"x" * 100_000)
            elif path == "/endless":  # does not say so
                self.send_response(200)
                self.send_header("Connection", "close")
                self.end_headers()
                while not stop.is_set():
                    self.wfile.write(b"x" * 10_000)
            elif path == "/headers":
                self.send_response(200)
                for i in range(90):
                    self.send_header(f"X-{i}", "y" * 1000)
                self.end_headers()
            elif path == "/slow":  # a byte now and then, never a whole answer
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                while not stop.wait(0.05):
                    self.wfile.write(b"x")
            elif path == "/moved":
                self.answer(302, b"elsewhere", Location="/elsewhere")
            elif path == "/busy":
                self.answer(429, b"later", Retry_After="7")
            elif path == "/cut":  # ends before it said it would
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.close_connection = True
            elif path.startswith("/status/"):
                self.answer(int(path.split("/")[2]), b"no")
            else:
                self.answer(200, b'{"fine": true}', ETag='"abc"')
        except OSError:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_HEAD = do_any


def certificate(folder):
    run = lambda *a: subprocess.run(["openssl", *a], check=True, cwd=folder, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    run("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    run("req", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as f:
        f.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "server.pem", "-days", "2", "-extfile", "names")


def serve(context=None):
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    s.daemon_threads = True
    s.handle_error = lambda *a: None  # a client that went, or does not trust us
    if context:
        s.socket = context.wrap_socket(s.socket, server_side=True)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s.server_address[1]


def main():
    folder = sys.argv[1]
    certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets it
    ports = {"http": serve(), "https": serve(context), "closed": closed.getsockname()[1]}
    for line in sys.stdin:
        if line.strip() == "ports":
            print(json.dumps(ports), flush=True)
        else:
            with lock:
                print(json.dumps(requests), flush=True)
                requests.clear()
    stop.set()


if __name__ == "__main__":
    main()
