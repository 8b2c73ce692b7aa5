"""The last part: an accounting firm comes to MYICS, and the same engine makes its people's accounts (M1 to M7)."""

import re
from datetime import UTC, datetime

from models.common.identifiers import MailAddress
from models.myics.forms import FirmForm
from models.myics.identifiers import ClientId, ClientSuffix, CustomerNo
from models.myics.mails import MyicsMail
from models.myics.store.requests import Requester, invite_firm
from workers.demo.play import DifferenceError, Play
from workers.demo.visitor import DemoVisitor
from workers.stack.inbox import text_of

FIRM = CustomerNo("1000200301")
CLIENT = ClientId.of(FIRM, ClientSuffix("0012"))
ICHIRO, HANAKO, MIDORI = (
    MailAddress(address)
    for address in ("ichiro@aoba-kaikei.example.jp", "hanako@aoba-kaikei.example.jp", "midori@midori.example.jp")
)
KEYWORD, PASSWORD = "青葉の合言葉", "Aoba2026"
_BOTH = {"authority": "true", "terms": "true"}
_TWICE = {"password": PASSWORD, "password_again": PASSWORD}


async def myics(play: Play) -> None:
    """Three people come to have accounts, and log in. Raises `ClearError` at the first thing that differs."""
    play.scene("MYICS: the representative of 青葉会計事務所 is invited and registers")
    await _representative_registers(play)

    play.scene("He adds a staff member, a client, and the client's user")
    ichiro = await _logged_in(play, FIRM, ICHIRO)
    await ichiro.open("/myics/users/new")
    await ichiro.send({"address": HANAKO, "name": "青葉 花子", "kind": "一般"})
    play.expect("the staff member is listed at once", f"{HANAKO} 招待中 一般" in ichiro.text, True)
    await ichiro.open("/myics/clients/new")
    await ichiro.send({"suffix": "0012", "name": "みどり商店"})
    play.expect("the client is listed at once", f"みどり商店 顧問先ID：{CLIENT}" in ichiro.text, True)
    await ichiro.open(f"/myics/clients/{CLIENT}/users/new")
    await ichiro.send({"address": MIDORI, "name": "緑 太郎", "kind": "一般"})
    play.expect("and so is the client's user", f"{MIDORI} 招待中" in ichiro.text, True)
    invited = await play.mails(*((address, MyicsMail.USER_INVITATION.subject) for address in (HANAKO, MIDORI)))
    links = {str(mail["To"]): _link(text_of(mail)) for mail in invited}

    play.scene("Both register by their links, and log in")
    for number, address in ((FIRM, HANAKO), (CLIENT, MIDORI)):
        someone = play.visitor()
        await someone.open(links[address])
        await someone.send(_TWICE)
        await someone.send(_BOTH)
        play.expect(f"{address}: the top page appears", "ユーザー登録が完了しました" in someone.text, True)
        await play.mails((address, MyicsMail.REGISTERED.subject))
        await _logged_in(play, number, address)


async def _representative_registers(play: Play) -> None:
    form = FirmForm(customer_no=FIRM, name="青葉会計事務所", representative="青葉 一郎", address=ICHIRO)
    async with play.sessions.begin() as session:
        number = await invite_firm(session, form, Requester("担当者", datetime.now(UTC)))
    play.tell(f"An operator has invited the firm: {number}")
    [invitation] = await play.mails((ICHIRO, MyicsMail.INVITATION.subject))
    ichiro = play.visitor()
    await ichiro.open(_link(text_of(invitation)))
    await ichiro.send(_BOTH)
    await ichiro.send({"address": ICHIRO, "keyword": KEYWORD})
    play.expect("the account is provisional", "仮登録が完了しました" in ichiro.text, True)
    [check] = await play.mails((ICHIRO, MyicsMail.CONFIRMATION.subject))
    await ichiro.open(_link(text_of(check)))
    await ichiro.send({"keyword": KEYWORD} | _TWICE)
    play.expect("the representative is registered", "ユーザー登録が完了しました" in ichiro.text, True)
    await play.mails((ICHIRO, MyicsMail.REGISTERED.subject))


async def _logged_in(play: Play, number: str, address: str) -> DemoVisitor:
    someone = play.visitor()
    await someone.open("/myics/")
    await someone.send({"customer_no": number, "address": address, "password": PASSWORD})
    play.expect(f"{address} is logged in with {number}", "MYICS トップ" in someone.text, True)
    return someone


def _link(text: str) -> str:
    links = re.findall(r"https?://\S+/myics/register\S+", text)
    if not links:
        raise DifferenceError("the mail has no personal link")
    return str(links[0])
