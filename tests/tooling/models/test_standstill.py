"""What moves in a worker is seen, and what does not is said and given up at last."""

import socket
import threading
from pathlib import Path

from tooling.models.worker.standstill import LEAST_ON_DISK, LEAST_SENT, Moved, watched


def test_bytes_on_connections_and_bytes_that_are_read_are_movement(tmp_path: Path) -> None:
    big = tmp_path / "weights"
    big.write_bytes(b"w" * 2 * LEAST_ON_DISK)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        taken, _ = server.accept()
        before = Moved.look()
        assert not Moved.look().since(before)
        client.sendall(b"x" * 2 * LEAST_SENT)
        taken.recv(4 * LEAST_SENT)
        after = Moved.look()
        assert after.since(before)
        assert not Moved.look().since(after)
        big.read_bytes()
        assert Moved.look().since(after)
        taken.close()
    assert not Moved({}, after.files).since(after), "a connection that was closed is no movement"


def test_what_stands_still_is_said_and_given_up() -> None:
    said: list[str] = []
    given_up = threading.Event()

    def give_up(why: str) -> None:
        said.append(why)
        given_up.set()

    with watched(said.append, give_up, look=Moved, every_s=0.001):
        assert given_up.wait(30)
    assert said[0] == "nothing has moved for 60 s; given up after 420 s"
    assert said[-1] == "nothing has moved for 420 s"
    assert len(said) == 7


def test_what_moves_is_never_given_up() -> None:
    looks, said, seen = iter(range(10**9)), list[str](), threading.Event()

    def look() -> Moved:
        count = next(looks)
        if count > 200:
            seen.set()
        return Moved({"socket:[1]": count // 5 * LEAST_SENT})

    with watched(said.append, said.append, look=look, every_s=0.001):
        assert seen.wait(30)
    assert said == []
