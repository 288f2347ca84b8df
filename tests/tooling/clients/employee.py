"""`python -m tests.tooling.clients.employee`: a child of a crew that does what its job says."""

import os
import signal
import sys

import trio

from tooling.clients.load.desk import Desk, serve


async def work(desk: Desk) -> None:
    """Count, wait, obey, break or die."""
    desk.tell({"number": desk.job["number"], "started": desk.start_at - trio.current_time() < 1.0})
    match desk.job["does"]:
        case "counts":
            for count in range(1000):
                desk.tell({"count": count, "text": "“ü”" * 100})
        case "waits":
            try:
                await trio.sleep_forever()
            finally:
                desk.tell({"goodbye": desk.job["number"]})
        case "obeys":
            desk.tell({"obeyed": await desk.orders.receive()})
        case "breaks":
            raise ValueError("a text that nobody may read")
        case "babbles":
            print("hello", flush=True)
            await trio.sleep_forever()
        case "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leaves":
            os._exit(3)
        case "hangs":
            signal.signal(signal.SIGALRM, lambda *_: None)
            while True:
                signal.pause()


if __name__ == "__main__":
    sys.exit(serve(work))
