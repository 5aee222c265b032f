"""What runs on the host in place of a shell: it keeps every byte of both directions.

    python3 -I peer.py FOLDER

On a terminal it makes that one raw and prints `ready`. The first line of its input says what is to
be done: `name bytes-in bytes-out seed exit-code`. Kept are FOLDER/name.in and FOLDER/name.out.
"""

import os
import random
import select
import sys
import termios
import time


def main(folder: str) -> int:
    if os.isatty(0):
        # Not tty.setraw: this file has to start fast, 500 times.
        mode = termios.tcgetattr(0)
        mode[0] = mode[1] = mode[3] = 0
        mode[2] = mode[2] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(0, termios.TCSANOW, mode)
    ready = b"ready\n"
    os.write(1, ready)
    order = b""
    while not order.endswith(b"\n"):
        order += os.read(0, 1)
    name, size_in, size_out, seed, code = order.decode().split()
    chance = random.Random(int(seed))
    left_in, left_out = int(size_in), chance.randbytes(int(size_out))
    with open(f"{folder}/{name}.pid", "w") as file:  # noqa: PTH123 # starts fast
        file.write(f"{os.getpid()}\n")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    kept_in = os.open(f"{folder}/{name}.in", flags)
    kept_out = os.open(f"{folder}/{name}.out", flags)
    os.write(kept_in, order)
    os.write(kept_out, ready)
    while left_in or left_out:
        readable, _, _ = select.select([0] if left_in else [], [], [], 0 if left_out else 30)
        if readable:
            piece = os.read(0, min(left_in, 4096))
            if not piece:
                break
            os.write(kept_in, piece)
            left_in -= len(piece)
        if left_out:
            piece = left_out[: chance.choice((1, 7, 500, 5000, 40000))]
            sent = os.write(1, piece)
            os.write(kept_out, piece[:sent])
            left_out = left_out[sent:]
            if chance.random() < 0.2:
                time.sleep(chance.random() / 200)
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
