"""The playground when the line fails: restarts, a long silence, no room, limits, a server that is not there."""

import socket
from contextlib import ExitStack

from playwright.sync_api import Browser, WebSocketRoute, expect

from tests.parts.house import House
from tests.parts.visitor import Visitor, visiting

LONG = ["Word", *[" word"] * 400]


def reconnect(visitor: Visitor) -> None:
    visitor.notice.get_by_role("button", name="Reconnect").click()


def test_after_a_restart_the_conversation_goes_on_with_its_history(browser: Browser) -> None:
    with House() as house, visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        visitor.say("Do you like the rain?")
        visitor.wait_frame("done")
        house.words.tokens = LONG
        visitor.say("Tell me a long story.")
        visitor.wait_frame("token", 12)
        house.drain()
        expect(visitor.notice).to_contain_text("The server is going away")
        visitor.phase("closed")
        expect(visitor.facts.nth(1)).to_contain_text("stopped")
        house.words.tokens = ["Fine", "."]
        reconnect(visitor)
        visitor.is_connected()
        visitor.say("Where were we?")
        visitor.wait_frame("done", 2)
        history = visitor.frames("start")[1]["payload"]["history"]
        assert [each["role"] for each in history] == ["user", "assistant", "user", "assistant"]
        assert history[1]["content"] == "Well the rain will stop."
        assert history[3]["content"] == visitor.replies.nth(1).inner_text()
        assert "Tell me a long story." in house.prompts()[-1]


def test_a_server_that_is_gone_is_told_and_its_successor_takes_over(browser: Browser) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with ExitStack() as life:
        life.enter_context(House(SERVER_PORT=port))
        with visiting(browser, f"http://127.0.0.1:{port}/playground") as visitor:
            visitor.connect()
            visitor.is_connected()
            visitor.say("Do you like the rain?")
            visitor.wait_frame("done")
            life.close()
            expect(visitor.notice).to_contain_text("The connection was lost")
            reconnect(visitor)
            expect(visitor.notice).to_contain_text("The server could not be reached")
            with House(SERVER_PORT=port):
                reconnect(visitor)
                visitor.is_connected()
                visitor.say("And now?")
                visitor.wait_frame("done", 2)
                assert visitor.wait_frame("ack", 2)["payload"]["history"]["input_messages"] == 2


def test_a_server_that_starts_says_what_it_is_doing(browser: Browser) -> None:
    with House() as house, visiting(browser, house.url) as visitor:
        house.call(lambda: setattr(house.place.server.health, "draining", True))
        visitor.connect()
        expect(visitor.notice).to_contain_text("It is up and not ready")
        house.call(lambda: setattr(house.place.server.health, "draining", False))
        reconnect(visitor)
        visitor.is_connected()


def test_a_long_silence_is_told_and_the_button_goes_on(browser: Browser) -> None:
    with House(WS_IDLE_TIMEOUT_S="1") as house, visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        visitor.say("Do you like the rain?")
        visitor.wait_frame("done")
        expect(visitor.notice).to_contain_text("Closed after a long silence")
        reconnect(visitor)
        visitor.is_connected()
        visitor.say("And now?")
        visitor.wait_frame("done", 2)
        assert len(visitor.frames("start")[1]["payload"]["history"]) == 2


def test_a_heartbeat_keeps_a_silent_session_and_is_only_sent_if_asked_for(browser: Browser) -> None:
    with House() as house, visiting(browser, house.url) as visitor:
        visitor.page.clock.install()
        visitor.page.reload()
        visitor.connect()
        visitor.is_connected()  # by the real clock: the page gives a server up after ten seconds of its own
        visitor.page.clock.run_for(200_000)
        assert len(visitor.frames("ping")) == 1, "the one that asked whether the key is right"
        visitor.page.get_by_label("Keep the session alive").check()
        for count in (2, 3):
            visitor.page.clock.run_for(51_000)
            visitor.wait_frame("pong", count)
        assert len(visitor.frames("ping")) == 3


def test_a_connection_that_died_in_the_night_is_noticed_when_the_page_is_looked_at(browser: Browser) -> None:
    with House() as house, visiting(browser, house.url) as visitor:
        page = visitor.page
        page.clock.install()
        mute: list[bool] = []

        def between(ws: WebSocketRoute) -> None:
            server = ws.connect_to_server()
            ws.on_message(lambda text: None if mute else server.send(text))
            server.on_message(ws.send)

        page.route_web_socket("**/ws*", between)
        page.reload()
        visitor.connect()
        visitor.is_connected()
        mute.append(True)
        hide = "state => { Object.defineProperty(document, 'hidden', {value: state, configurable: true}); "
        hide += "document.dispatchEvent(new Event('visibilitychange')); }"
        page.evaluate(hide, True)
        page.clock.run_for(8 * 3_600_000)
        page.evaluate(hide, False)
        page.clock.run_for(10_000)
        expect(visitor.notice).to_contain_text("The connection was lost")


def test_a_server_that_never_answers_is_given_up(browser: Browser) -> None:
    with House() as house, visiting(browser, house.url) as visitor:
        visitor.page.clock.install()
        visitor.page.route_web_socket("**/ws*", lambda _ws: None)
        visitor.page.reload()
        visitor.connect()
        expect(visitor.page.locator("#status-text")).to_have_text("connecting …")
        visitor.page.clock.run_for(10_000)
        expect(visitor.notice).to_contain_text("The server could not be reached")
        expect(visitor.page.get_by_role("button", name="Connect", exact=True)).to_be_enabled()


def test_what_is_larger_than_the_server_takes_is_told(browser: Browser) -> None:
    with House(WS_MAX_FRAME_BYTES="65536") as house, visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        visitor.say("word " * 20_000)
        expect(visitor.notice).to_contain_text("Too much at once")
        expect(visitor.facts).to_contain_text("connection lost")
        reconnect(visitor)
        visitor.is_connected()


def test_no_room_is_told_and_a_place_that_is_free_again_is_taken(browser: Browser) -> None:
    with House(MAX_CONCURRENT_CONNECTIONS="1", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="0.1") as house:
        with visiting(browser, house.url) as one, visiting(browser, house.url) as two:
            one.connect()
            one.is_connected()
            two.connect()
            expect(two.notice).to_contain_text("All places are taken")
            one.page.get_by_role("button", name="Disconnect").click()
            one.wait_frame("session_end")
            expect(one.notice).to_be_hidden()
            reconnect(two)
            two.is_connected()


def test_too_many_turns_are_told_with_the_wait_and_the_words_come_back(browser: Browser) -> None:
    with House(WS_MAX_MESSAGES_PER_WINDOW="1") as house, visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        house.words.tokens = LONG
        visitor.say("Tell me a long story.")
        visitor.wait_frame("token", 2)
        visitor.say("No, wait!")
        expect(visitor.notice).to_contain_text("This server takes 1 in 60 seconds. Send again in")
        visitor.phase("streaming")
        visitor.notice.get_by_role("button", name="Put it back").click()
        expect(visitor.words).to_have_value("No, wait!")
        expect(visitor.facts.nth(1)).to_contain_text("not taken")


def test_a_new_conversation_knows_nothing_of_the_old_one(browser: Browser) -> None:
    with House() as house, visiting(browser, house.url) as visitor:
        visitor.connect()
        visitor.is_connected()
        visitor.say("Do you like the rain?")
        visitor.wait_frame("done")
        visitor.page.get_by_role("button", name="New conversation").click()
        visitor.wait_frame("session_end")
        expect(visitor.page.locator("#welcome")).to_be_visible()
        visitor.is_connected()
        visitor.say("Hello?")
        visitor.wait_frame("done", 2)
        assert "history" not in visitor.frames("start")[1]["payload"]
        expect(visitor.page.locator("#plot-title")).to_have_text("Turn 1")
