"""A headless Chromium driven over its DevTools protocol: open a page, run script, press keys."""

import asyncio
import base64
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--remote-debugging-port=0",
)
KEY_CODES = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38}


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.complaints: list[str] = []
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            told = json.loads(message.data)
            if "id" in told:
                waiting = self._waiting.pop(told["id"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
            elif told["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(told["params"]["exceptionDetails"])[:800])
            elif told["method"] == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
                self.complaints.append(told["params"]["entry"]["text"])

    async def send(self, method: str, **params: Any) -> Any:
        """One DevTools command."""
        number = next(self._ids)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(120):
            told = await self._waiting[number]
        if "error" in told:
            raise AssertionError(f"{method}: {told['error']}")
        return told["result"]

    async def run(self, script: str) -> Any:
        """The value of a JavaScript expression in the page; promises are awaited."""
        told = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise AssertionError(f"{script}: {told['exceptionDetails']}")
        return told["result"].get("value")

    async def until(self, script: str) -> Any:
        """Waits until the expression is true in the page, at most two minutes, and gives its value."""
        found = f"""new Promise((resolve, reject) => {{
            const end = Date.now() + 20000;
            const look = () => {{
                const value = {script};
                if (value) return resolve(value);
                if (Date.now() > end) return reject(new Error("never true"));
                setTimeout(look, 20);
            }};
            look();
        }})"""
        return await self.run(found)

    async def goto(self, url: str) -> None:
        """Opens an address."""
        await self.send("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def click(self, selector: str) -> None:
        """Waits for the element and clicks its middle with a real pointer event."""
        found = f"document.querySelector({json.dumps(selector)})"
        await self.until(f"{found} && !{found}.disabled")
        await self.run(f"{found}.scrollIntoView({{block: 'center'}})")
        box = await self.run(
            f"(r => [r.x + r.width / 2, r.y + r.height / 2])({found}.getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.send(
                "Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1
            )

    async def write(self, text: str) -> None:
        """Types into what has the focus."""
        await self.send("Input.insertText", text=text)

    async def key(self, name: str) -> None:
        """Presses one key."""
        code = KEY_CODES[name]
        text = {"text": "\r"} if name == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            await self.send(
                "Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code, **text
            )

    async def picture(self, path: Path) -> None:
        """Saves a screenshot."""
        told = await self.send("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(told["data"]))

    async def __aenter__(self) -> Self:
        for domain in ("Page", "Runtime", "Log"):
            await self.send(f"{domain}.enable")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._socket.close()
        await self._reader


@asynccontextmanager
async def chromium(*, width: int = 1280, height: int = 860) -> AsyncIterator[Tab]:
    """A browser with one tab, gone at the end; fails when there is no Chromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "this test needs Chromium on the PATH"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                    pages = [
                        page for page in await response.json(content_type=None) if page["type"] == "page"
                    ]
                socket = await session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0)
                async with Tab(socket) as tab:
                    yield tab
        finally:
            process.terminate()
            try:
                async with asyncio.timeout(60):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _port(file: Path) -> int:
    async with asyncio.timeout(120):
        while True:
            if await asyncio.to_thread(file.exists):
                lines = (await asyncio.to_thread(file.read_text)).splitlines()
                if len(lines) > 1:
                    return int(lines[0])
            await asyncio.sleep(0.05)
