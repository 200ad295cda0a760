import threading
import time

import pytest

from realesr.serving.tickets import PATIENCE, StoppedError, Ticket, Turns


def test_a_ticket_stops_what_is_cancelled_or_late():
    ticket = Ticket(60)
    ticket.check()
    ticket.cancel()
    with pytest.raises(StoppedError, match="cancelled"):
        ticket.check()
    late = Ticket(0)
    time.sleep(0.001)
    with pytest.raises(StoppedError, match="too long"):
        late.check()
    late.restart_clock(60)
    late.check()


def test_images_overtake_frames_but_not_for_ever():
    turns, order, threads = Turns(), [], []
    with turns.take(is_urgent=True):
        for number in range(PATIENCE + 3):
            threads.append(start(turns, order, "image", is_urgent=True))
            if number == 0:
                threads.append(start(turns, order, "frame", is_urgent=False))
        time.sleep(0.05)  # all of them wait
    for thread in threads:
        thread.join(10)
    assert len(order) == PATIENCE + 4
    assert "frame" not in order[: PATIENCE - 2]


def start(turns, order, name, *, is_urgent):
    def work():
        with turns.take(is_urgent=is_urgent):
            order.append(name)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_one_thread_at_a_time_has_a_turn_even_after_an_error():
    turns = Turns()
    with pytest.raises(KeyError), turns.take(is_urgent=True):
        raise KeyError
    inside, most = [0], [0]

    def work():
        for _ in range(50):
            with turns.take(is_urgent=False):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == [1]
