"""One computation at a time, while everything else is answered."""

from __future__ import annotations

import asyncio
import threading

import httpx
import pytest

from ogive.web import Limits, Served, create_app
from ogive.web.lane import Lane
from ogive.web.refusal import RefusedError


class Door:
    """A computation that waits to be let through, and counts who is inside with it."""

    def __init__(self):
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        self.inside = self.most = 0

    def __call__(self):
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.entered.release()
        assert self.open.wait(20)
        self.inside -= 1
        return self.most


async def entered(door):
    assert await asyncio.to_thread(door.entered.acquire, timeout=20)


def test_one_at_a_time_in_order():
    lane, door, done = Lane(waiting=9), Door(), []

    async def scene():
        async def one(number):
            await lane.run(door)
            done.append(number)

        running = [asyncio.create_task(one(number)) for number in range(5)]
        await entered(door)
        assert lane.busy
        door.open.set()
        await asyncio.gather(*running)

    asyncio.run(scene())
    assert done == [0, 1, 2, 3, 4] and door.most == 1 and not lane.busy


def test_who_comes_when_too_many_wait_is_sent_away():
    lane, door = Lane(waiting=2), Door()

    async def scene():
        running = [asyncio.create_task(lane.run(door)) for _ in range(2)]
        await entered(door)
        with pytest.raises(RefusedError, match="try again in a moment") as caught:
            await lane.run(door)
        assert caught.value.status == 503
        door.open.set()
        await asyncio.gather(*running)
        assert await lane.run(lambda: 7) == 7

    asyncio.run(scene())


def test_who_has_left_still_counts_until_the_thread_is_free():
    lane, door = Lane(waiting=1), Door()

    async def scene():
        leaving = asyncio.create_task(lane.run(door))
        await entered(door)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert lane.busy
        with pytest.raises(RefusedError, match="try again"):
            await lane.run(door)
        door.open.set()

    asyncio.run(scene())


def test_an_error_is_raised_where_it_was_asked_for():
    lane = Lane(waiting=1)

    async def scene():
        with pytest.raises(ZeroDivisionError):
            await lane.run(lambda: 1 // 0)
        assert await lane.run(lambda: 7) == 7

    asyncio.run(scene())


def test_closing_keeps_nobody_waiting():
    lane, door = Lane(waiting=3), Door()

    async def scene():
        running = [asyncio.create_task(lane.run(door)) for _ in range(2)]
        await entered(door)
        lane.close()
        for task in running:
            with pytest.raises(RefusedError, match="being stopped"):
                await asyncio.wait_for(task, 5)
        with pytest.raises(RefusedError, match="being stopped"):
            await lane.run(door)
        assert lane.busy  # what computes cannot be stopped
        door.open.set()

    asyncio.run(scene())


def test_a_busy_server_answers_everything_else(loaded, waves):
    door, sample = Door(), waves.sample

    def slow(*args, **options):
        door()
        return sample(*args, **options)

    waves.sample = slow
    app = create_app(Served(loaded.model, loaded.index, waves), Limits(waiting=2))
    headers = {"Content-Type": "application/json"}

    async def scene():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            making = asyncio.create_task(
                client.post("/api/generate", content="{}", headers=headers)
            )
            await entered(door)
            for address in ("/", "/api/about", "/api/pictures/0"):
                answer = await asyncio.wait_for(client.get(address), 10)
                assert answer.status_code == 200
            looking = asyncio.create_task(client.get("/api/pictures/0/look"))
            await asyncio.sleep(0.1)
            assert not looking.done()
            turned_away = await client.get("/api/pictures/0/look")
            assert turned_away.status_code == 503 and turned_away.headers["Retry-After"] == "2"
            door.open.set()
            assert (await making).status_code == (await looking).status_code == 200

    asyncio.run(scene())
