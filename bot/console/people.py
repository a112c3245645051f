"""What people do in Slack: say something, give a command, press, submit. Used by the page and by tests alike.

Each doing is brought to the app and the app's acknowledgement is carried out, with Slack's own note to the
user when there is none.
"""

from typing import Any

from bot.console import payloads
from bot.console.answers import Answers, Chosen, elements_of, selection, state_values, unanswered
from bot.console.delivery import Ack, Delivery
from bot.console.responses import respond
from bot.console.values import Json, Message, SlashCommand, View
from bot.console.view_stacks import StackFullError
from bot.console.web_api.context import Context
from bot.console.web_api.errors import ApiError
from bot.console.web_api.views import checked_view

NO_MODAL = "We had some trouble connecting. Try again?"


class People:
    """The users' hands. Raises KeyError for unknown users, channels, messages and elements."""

    def __init__(
        self,
        context: Context,
        delivery: Delivery,
        *,
        commands: tuple[SlashCommand, ...] = (),
        subscribed_events: frozenset[str] = frozenset(),
    ) -> None:
        self._context = context
        self._workspace = context.workspace
        self._delivery = delivery
        self._commands = {command.name: command for command in commands}
        self._subscribed = subscribed_events

    def _response_url(self, kind: str, secret: str) -> str:
        return f"{self._context.base_url}/{kind}/{self._workspace.team_id}/{secret}"

    async def say(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> Message:
        """Posts a message as the user and tells the app of it, as far as it subscribed."""
        shown = payloads.escaped(self._workspace, text)
        message = self._workspace.post(channel, user=user, text=shown, thread_ts=thread_ts)
        event: Json = {
            "user": user,
            "text": shown,
            "ts": message.ts,
            "event_ts": message.ts,
            "channel": channel,
            "team": self._workspace.team_id,
        }
        if thread_ts:
            event["thread_ts"] = thread_ts
        found = self._workspace.channels[channel]
        if self._context.bot not in found.members:
            return message
        kind = "im" if found.is_direct else "group" if found.is_private else "channel"
        subscription = {"im": "message.im", "group": "message.groups", "channel": "message.channels"}[kind]
        if subscription in self._subscribed:
            await self.event({"type": "message", "channel_type": kind, **event})
        if "app_mention" in self._subscribed and f"<@{self._context.bot}>" in shown:
            await self.event({"type": "app_mention", **event})
        return message

    async def event(self, event: Json) -> Ack:
        """Delivers any event, with Slack's repetitions when it is not acknowledged."""
        return await self._delivery.send_event(payloads.event_callback(self._workspace, event))

    async def open_home(self, user: str) -> Ack | None:
        """Opens the app's Home tab, which tells the app if it subscribed."""
        if "app_home_opened" not in self._subscribed:
            return None
        return await self.event({"type": "app_home_opened", "user": user, "tab": "home", "channel": "D0HOME"})

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Ack:
        """Gives a slash command (`command` with its slash) and shows the message of its acknowledgement."""
        secret = self._context.tickets.hook(user=user, channel=channel)
        fields = payloads.slash_command(
            self._workspace,
            user=user,
            channel=channel,
            command=command,
            text=payloads.escaped(
                self._workspace, text, self._commands.get(command, SlashCommand(name=command))
            ),
            trigger_id=self._context.tickets.trigger(user),
            response_url=self._response_url("commands", secret),
        )
        ack = await self._delivery.send("slash_commands", dict(fields))
        if not ack.ok:
            self._workspace.notice(user, channel, f'{command} failed with the error "{ack.error}"')
        elif ack.body:
            body = ack.body if isinstance(ack.body, dict) else {"text": str(ack.body)}
            try:
                respond(self._context, self._context.tickets.use(secret), body)
            except ApiError as refused:
                self._workspace.notice(user, channel, f'{command} failed with the error "{refused.code}"')
        return ack

    async def press(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        *,
        block_id: str | None = None,
        chosen: Chosen = None,
        answers: Answers | None = None,
    ) -> Ack:
        """Presses a button or chooses in a message; `answers` are what its other inputs hold."""
        message = self._workspace.messages[channel, ts]
        if message.only_for not in (None, user):
            raise KeyError(ts)
        action = self._action(message.blocks, action_id, block_id, chosen)
        hook = self._context.tickets.hook(user=user, channel=channel, ts=ts, thread_ts=message.thread_ts)
        payload = payloads.message_actions(
            self._workspace,
            message,
            action,
            base_url=self._context.base_url,
            user=user,
            trigger_id=self._context.tickets.trigger(user),
            response_url=self._response_url("actions", hook),
            values=state_values(message.blocks, _with(answers, action, chosen)),
        )
        ack = await self._delivery.send("interactive", payload)
        if not ack.ok:
            self._workspace.notice(user, channel, f"This app did not respond ({ack.error}).", ts=ts)
        return ack

    async def press_in_view(
        self,
        user: str,
        view_id: str,
        action_id: str,
        *,
        block_id: str | None = None,
        chosen: Chosen = None,
        answers: Answers | None = None,
    ) -> Ack:
        """Presses a button or chooses in the user's modal or Home tab."""
        view = self._view(user, view_id)
        action = self._action(view.body["blocks"], action_id, block_id, chosen)
        payload = payloads.view_actions(
            self._workspace,
            view,
            action,
            user=user,
            trigger_id=self._context.tickets.trigger(user),
            values=state_values(view.body["blocks"], _with(answers, action, chosen)),
        )
        ack = await self._delivery.send("interactive", payload)
        if not ack.ok:
            self._workspace.notice(user, None, f"{NO_MODAL} ({ack.error})")
        return ack

    async def submit(self, user: str, view_id: str | None = None, answers: Answers | None = None) -> Ack:
        """Submits the user's topmost (or the named) modal and carries out the response_action.

        Required inputs left empty never reach the app: the Ack has status 0 and a body of `errors`.
        """
        view = self._view(user, view_id)
        values = state_values(view.body["blocks"], answers or {})
        wrong = unanswered(view.body["blocks"], values)
        if wrong:
            return Ack(status=0, body={"response_action": "errors", "errors": wrong}, error="incomplete")
        payload = payloads.view_submission(
            self._workspace,
            view,
            user=user,
            trigger_id=self._context.tickets.trigger(user),
            values=values,
        )
        ack = await self._delivery.send("interactive", payload)
        if ack.ok:
            self._carry_out(view, ack.body)
        else:
            self._workspace.notice(user, None, f"{NO_MODAL} ({ack.error})")
        return ack

    def _carry_out(self, view: View, body: Any) -> None:
        action = body.get("response_action") if isinstance(body, dict) else None
        views = self._workspace.views
        if action == "errors":
            return
        if action == "clear":
            views.clear(view.user)
        elif action in ("update", "push"):
            try:
                altered = checked_view(self._context, body.get("view"))
                if action == "push":
                    views.push(view.user, altered)
                else:
                    views.update(view.id, altered)
            except (ApiError, StackFullError, KeyError) as refused:
                self._workspace.notice(view.user, None, f"{NO_MODAL} ({refused or 'push_limit_reached'})")
        elif views.stacks.get(view.user, [])[-1:] == [view.id]:
            views.pop(view.user)

    async def close(self, user: str, *, is_cleared: bool = False) -> Ack | None:
        """Closes the user's topmost modal (`is_cleared`: all), telling an app that asked to be told."""
        view = self._view(user, None)
        if is_cleared:
            self._workspace.views.clear(user)
        else:
            self._workspace.views.pop(user)
        if not view.body.get("notify_on_close"):
            return None
        payload = payloads.view_closed(self._workspace, view, user=user, is_cleared=is_cleared)
        return await self._delivery.send("interactive", payload)

    def _view(self, user: str, view_id: str | None) -> View:
        if view_id is None:
            opened = self._workspace.views.of_user(user)
            if not opened:
                raise KeyError(user)
            return opened[-1]
        view = self._workspace.views.by_id[view_id]
        if view.user != user:
            raise KeyError(view_id)
        return view

    def _action(self, blocks: Any, action_id: str, block_id: str | None, chosen: Chosen) -> Json:
        for found_block, element in elements_of(blocks):
            if element["action_id"] == action_id and block_id in (None, found_block):
                return {
                    "type": element["type"],
                    "action_id": action_id,
                    "block_id": found_block,
                    **selection(element, chosen),
                    "action_ts": self._workspace.next_ts(),
                }
        raise KeyError(action_id)


def _with(answers: Answers | None, action: Json, chosen: Chosen) -> Answers:
    given = {block: dict(values) for block, values in (answers or {}).items()}
    if action["type"] not in ("button", "overflow"):
        given.setdefault(action["block_id"], {})[action["action_id"]] = chosen
    return given
