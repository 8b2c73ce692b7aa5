"""An accounting firm comes to MYICS, and its people get their accounts (M1 to M7)."""

from datetime import UTC, datetime

from models.common.identifiers import MailAddress
from models.myics.forms import FirmForm
from models.myics.identifiers import ClientId, ClientSuffix, CustomerNo
from models.myics.mails import MyicsMail
from models.myics.store.requests import Requester, invite_firm
from workers.commands.acting import command_actor
from workers.demo.browser import Browser
from workers.demo.run import DemoRun, link_in

FIRM = CustomerNo("1000200301")
CLIENT = ClientId.of(FIRM, ClientSuffix("0012"))
ICHIRO, HANAKO, MIDORI = (
    MailAddress(address)
    for address in ("ichiro@aoba-kaikei.example.jp", "hanako@aoba-kaikei.example.jp", "midori@midori.example.jp")
)
KEYWORD, PASSWORD = "青葉の合言葉", "Aoba2026"
_BOTH = {"authority": "true", "terms": "true"}
_TWICE = {"password": PASSWORD, "password_again": PASSWORD}


async def myics(run: DemoRun) -> None:
    """Three people come to have accounts, and log in. Raises `ClearError` at the first thing that differs."""
    run.heading("MYICS: the representative of 青葉会計事務所 is invited and registers")
    await _representative_registers(run)

    run.heading("He adds a staff member, a client, and the client's user")
    ichiro = await _logged_in(run, FIRM, ICHIRO)
    await ichiro.open("/myics/users/new")
    await ichiro.send({"address": HANAKO, "name": "青葉 花子", "kind": "一般"})
    run.expect("the staff member is listed at once", f"{HANAKO} 招待中 一般" in ichiro.text, True)
    await ichiro.open("/myics/clients/new")
    await ichiro.send({"suffix": "0012", "name": "みどり商店"})
    run.expect("the client is listed at once", f"みどり商店 顧問先ID：{CLIENT}" in ichiro.text, True)
    await ichiro.open(f"/myics/clients/{CLIENT}/users/new")
    await ichiro.send({"address": MIDORI, "name": "緑 太郎", "kind": "一般"})
    run.expect("and so is the client's user", f"{MIDORI} 招待中" in ichiro.text, True)
    invited = await run.mails(*((address, MyicsMail.USER_INVITATION.subject) for address in (HANAKO, MIDORI)))
    links = {str(mail["To"]): link_in(mail, "/myics/register") for mail in invited}

    run.heading("Both register by their links, and log in")
    for number, address in ((FIRM, HANAKO), (CLIENT, MIDORI)):
        someone = run.browser()
        await someone.open(links[address])
        await someone.send(_TWICE)
        await someone.send(_BOTH)
        run.expect(f"{address}: the top page appears", "ユーザー登録が完了しました" in someone.text, True)
        await run.mails((address, MyicsMail.REGISTERED.subject))
        await _logged_in(run, number, address)


async def _representative_registers(run: DemoRun) -> None:
    form = FirmForm(customer_no=FIRM, name="青葉会計事務所", representative="青葉 一郎", address=ICHIRO)
    async with run.sessions.begin() as session:
        number = await invite_firm(session, form, Requester(str(command_actor()), datetime.now(UTC)))
    run.say(f"An operator has invited the firm: {number}")
    [invitation] = await run.mails((ICHIRO, MyicsMail.INVITATION.subject))
    ichiro = run.browser()
    await ichiro.open(link_in(invitation, "/myics/register"))
    await ichiro.send(_BOTH)
    await ichiro.send({"address": ICHIRO, "keyword": KEYWORD})
    run.expect("the account is provisional", "仮登録が完了しました" in ichiro.text, True)
    [check] = await run.mails((ICHIRO, MyicsMail.CONFIRMATION.subject))
    await ichiro.open(link_in(check, "/myics/register"))
    await ichiro.send({"keyword": KEYWORD} | _TWICE)
    run.expect("the representative is registered", "ユーザー登録が完了しました" in ichiro.text, True)
    await run.mails((ICHIRO, MyicsMail.REGISTERED.subject))


async def _logged_in(run: DemoRun, number: str, address: str) -> Browser:
    someone = run.browser()
    await someone.open("/myics/")
    await someone.send({"customer_no": number, "address": address, "password": PASSWORD})
    run.expect(f"{address} is logged in with {number}", "MYICS トップ" in someone.text, True)
    return someone
