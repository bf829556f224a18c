"""An application beside an archive: app.py PORT CA HOST RATE THREADS COUNT <plan

The plan on standard input is JSON: {"token": …, "paths": […]}. Sends so many GET requests a second, evenly, each at
its time however slow the ones before are, until there were COUNT of them, or with 0 until standard input is closed.
Prints how often each status came, and how long each request took from the time at which it was due.
"""
import http.client
import json
import socket
import ssl
import sys
import threading
import time


class Connection(http.client.HTTPSConnection):
    """To this machine, whatever the host is called."""

    def __init__(self, host, port, context):
        super().__init__(host, port, context=context, timeout=60)
        self.tls = context

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.port), 30)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self.tls.wrap_socket(raw, server_hostname=self.host)


class App:
    def __init__(self, port, ca, host, rate, count, plan):
        self.where = (host, port, ssl.create_default_context(cafile=ca))
        self.rate = rate
        self.count = count
        self.paths = plan["paths"]
        self.headers = {"Authorization": f"Bearer {plan['token']}"}
        self.start = time.monotonic() + 0.2
        self.next = 0
        self.lock = threading.Lock()
        self.has_ended = threading.Event()
        self.times, self.statuses = [], {}

    def work(self):
        connection = Connection(*self.where)
        connection.connect()
        while True:
            with self.lock:
                turn, self.next = self.next, self.next + 1
            if self.count and turn >= self.count:
                break
            due = self.start + turn / self.rate
            if self.has_ended.wait(max(0, due - time.monotonic())):
                break
            connection.request("GET", self.paths[turn % len(self.paths)], headers=self.headers)
            answer = connection.getresponse()
            answer.read()
            with self.lock:
                self.times.append(1000 * (time.monotonic() - due))
                self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        connection.close()


def main():
    port, ca, host, rate, threads, count = sys.argv[1:]
    app = App(int(port), ca, host, float(rate), int(count), json.loads(sys.stdin.readline()))
    workers = [threading.Thread(target=app.work) for _ in range(int(threads))]
    for worker in workers:
        worker.start()
    if not app.count:
        sys.stdin.read()
        app.has_ended.set()
    for worker in workers:
        worker.join()
    print(json.dumps({"times_ms": app.times, "statuses": app.statuses}))


if __name__ == "__main__":
    main()
