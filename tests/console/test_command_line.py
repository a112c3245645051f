"""`python -m bot.console`: the stand-in alone, for development."""

import asyncio
import signal
import sys

import aiohttp


async def test_it_serves_until_it_is_told_to_stop() -> None:
    """It prints its addresses, serves page and API, and ends with 0 on SIGTERM."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.console", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30):
            page = (await process.stdout.readline()).split()[-1].decode()
            api = (await process.stdout.readline()).split()[-1].decode()
        async with aiohttp.ClientSession() as session:
            async with session.get(page) as response:
                assert response.status == 200
            async with session.post(f"{api}auth.test", data={"token": "xoxb-local"}) as response:
                assert (await response.json())["ok"] is True
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
